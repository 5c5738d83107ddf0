"""Late interaction: how well each vector of a query finds its like in a document."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rapidembed.tasks.chunks import chunks
from rapidembed.types import Vectors

_CHUNK_VECTORS = 2048


def max_sim(query: NDArray[Any], documents: Sequence[NDArray[Any]] | NDArray[Any]) -> Vectors:
    """Score documents for a query: the sum, over its vectors, of the largest dot product with a document's vectors.

    Khattab and Zaharia, "ColBERT: Efficient and Effective Passage Search via Contextualized Late Interaction over BERT"
    (SIGIR 2020).

    Example:
        >>> import numpy as np
        >>> from rapidembed import max_sim
        >>> query = np.array([[1.0, 0.0], [0.0, 1.0]])
        >>> max_sim(query, [np.array([[0.5, 0.1], [0.2, 0.9], [0.4, 0.4]]), np.array([[0.3, 0.3]])])
        array([1.4, 0.6], dtype=float32)

    Args:
        query: (n, dim).
        documents: arrays (m, dim), each with an m of its own, at least one; or one array (documents, m, dim).

    Returns:
        float32 (documents,).

    Raises:
        ValueError: a shape does not fit; names the document's index.
    """
    query = np.asarray(query, dtype=np.float32)
    if query.ndim != 2:
        raise ValueError(f"query must be an array (n, dim), got one of shape {query.shape}.")
    arrays = [_check(index, document, query.shape[1]) for index, document in enumerate(documents)]
    scores = np.empty(len(arrays), dtype=np.float32)
    for start, end in chunks([len(array) for array in arrays], _CHUNK_VECTORS):
        chunk = arrays[start:end]
        products = np.concatenate(chunk) @ query.T
        begins = np.cumsum([0, *(len(array) for array in chunk[:-1])])
        scores[start:end] = np.maximum.reduceat(products, begins, axis=0).sum(axis=1)
    return scores


def _check(index: int, document: NDArray[Any], dim: int) -> Vectors:
    array = np.asarray(document, dtype=np.float32)
    if array.ndim != 2 or array.shape[1] != dim or len(array) == 0:
        raise ValueError(f"documents[{index}] must be an array (m, {dim}) of at least one vector, got {array.shape}.")
    return array
