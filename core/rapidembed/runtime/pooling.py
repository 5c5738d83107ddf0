"""Pooling outside the graph, for ONNX files that return token vectors."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rapidembed.types import PoolingMode, Vectors

_MIN_COUNT = 1e-9


def pool(hidden: NDArray[np.float32], mask: NDArray[np.int64], modes: Sequence[PoolingMode]) -> Vectors:
    """(batch, tokens, width) -> (batch, width x modes); a 2-D ``hidden`` is a vector already.

    Args:
        hidden: the last hidden state.
        mask: (batch, tokens), 1 for real tokens.
        modes: sentence-transformers' pooling modes; their results are concatenated.
    """
    if hidden.ndim == 2:
        return hidden
    return np.concatenate([_pool(hidden, mask, mode) for mode in modes], axis=-1)


def _pool(hidden: NDArray[np.float32], mask: NDArray[np.int64], mode: PoolingMode) -> Vectors:
    rows = np.arange(len(hidden))
    if mode == "cls":
        return np.asarray(hidden[rows, mask.argmax(axis=1)])
    if mode == "lasttoken":
        return np.asarray(hidden[rows, mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=1)])
    if mode == "max":
        lowest = np.finfo(np.float32).min
        return np.asarray(np.where(mask[:, :, None] > 0, hidden, lowest).max(axis=1), dtype=np.float32)
    weights = mask.astype(np.float32)
    if mode == "weightedmean":
        weights *= np.cumsum(mask, axis=1, dtype=np.float32)
    total = np.einsum("bt,bth->bh", weights, hidden)
    count = np.maximum(weights.sum(axis=1, keepdims=True), _MIN_COUNT)
    return np.asarray(total / (np.sqrt(count) if mode == "mean_sqrt_len_tokens" else count), dtype=np.float32)
