"""InfoNCE over a matrix that turns frozen vectors, and its gradient.

van den Oord, Li and Vinyals, "Representation Learning with Contrastive Predictive Coding" (2018,
https://arxiv.org/abs/1807.03748), with the other pairs of a batch as negatives, both ways, as in Radford et al. 2021
(https://arxiv.org/abs/2103.00020).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rapidembed.tasks.unit import scaled
from rapidembed.types import Vectors


@dataclass(frozen=True, slots=True)
class Batch:
    """Pairs, and further documents that answer none of the queries.

    Attributes:
        queries: float32 (pairs, dim).
        documents: float32 (pairs + negatives, dim); row i answers query i.
        same: bool (pairs, pairs + negatives): another answer of the query, which is not to be pushed away.
    """

    queries: Vectors
    documents: Vectors
    same: NDArray[np.bool_]


def turned(vectors: Vectors, matrix: Vectors) -> tuple[Vectors, Vectors]:
    """``vectors @ matrix`` with rows of length 1, and the lengths before that, (rows, 1)."""
    return scaled(vectors @ matrix)


def gradient(matrix: Vectors, batch: Batch, *, documents_too: bool, temperature: float) -> tuple[float, Vectors]:
    """The loss of a batch, and its gradient by the matrix.

    Args:
        matrix: float32 (dim, dim).
        batch: what is compared.
        documents_too: whether the matrix turns documents as it turns queries.
        temperature: scores are divided by it.
    """
    queries, query_norms = turned(batch.queries, matrix)
    documents, document_norms = turned(batch.documents, matrix) if documents_too else (batch.documents, None)
    loss, by_scores = _by_scores((queries @ documents.T) / temperature, batch.same)
    by_scores /= temperature
    total = batch.queries.T @ _through_norm(by_scores @ documents, queries, query_norms)
    if document_norms is not None:
        total += batch.documents.T @ _through_norm(by_scores.T @ queries, documents, document_norms)
    return loss, total


def _by_scores(scores: Vectors, same: NDArray[np.bool_]) -> tuple[float, Vectors]:
    """Loss and its gradient by the scores: cross entropy of each query's own document, and of each pair's own query."""
    pairs = len(scores)
    own = np.arange(pairs)
    scores[same] = -np.inf
    rows, row_loss = _softmax(scores, own, axis=1)
    columns, column_loss = _softmax(scores[:, :pairs], own, axis=0)
    rows[:, :pairs] += columns
    rows[own, own] -= 2
    return (row_loss + column_loss) / 2, np.divide(rows, 2 * pairs, out=rows)


def _softmax(scores: Vectors, own: NDArray[np.int64], *, axis: int) -> tuple[Vectors, float]:
    exponents = np.exp(scores - scores.max(axis=axis, keepdims=True))
    shares = exponents / exponents.sum(axis=axis, keepdims=True)
    return shares, float(-np.log(np.maximum(shares[own, own], np.finfo(np.float32).tiny)).mean())


def _through_norm(by_unit: Vectors, unit: Vectors, norms: Vectors) -> Vectors:
    """The gradient by a vector, of that by the vector scaled to length 1."""
    return np.asarray((by_unit - unit * np.einsum("ij,ij->i", unit, by_unit)[:, None]) / norms)
