"""Hard negatives: documents that lie near a query and do not answer it."""

import numpy as np
from numpy.typing import NDArray

from rapidembed.types import Vectors

_ROWS = 500
_TOO_NEAR = 0.95
"""Share of the own document's score above which another one may well be an answer that nobody marked."""


def hard_negatives(queries: Vectors, documents: Vectors, answers: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Rows of documents, int64 (queries, count), nearest first.

    A document that scores more than 95 % of the query's own is left out, as in Moreira et al., "NV-Retriever" (2024,
    https://arxiv.org/abs/2407.15831); where too few are left, the ones that score least stand in.
    """
    found = np.empty((len(queries), count), dtype=np.int64)
    for start in range(0, len(queries), _ROWS):
        rows = slice(start, start + _ROWS)
        scores = queries[rows] @ documents.T
        own = np.take_along_axis(scores, answers[rows, None], axis=1)
        scores[scores > _TOO_NEAR * own] -= 4  # below every cosine that stays
        nearest = np.argpartition(-scores, count - 1, axis=1)[:, :count]
        order = np.argsort(-np.take_along_axis(scores, nearest, axis=1), axis=1)
        found[rows] = np.take_along_axis(nearest, order, axis=1)
    return found
