"""Pooling outside the graph, for ONNX files that return token vectors."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rapidembed.names import PoolingMode
from rapidembed.types import Vectors

_MIN_COUNT = 1e-9


def pool(
    hidden: NDArray[np.float32], mask: NDArray[np.int64], modes: Sequence[PoolingMode], skipped: int = 0
) -> Vectors:
    """(batch, tokens, width) -> (batch, width x modes); a 2-D ``hidden`` is a vector already.

    Args:
        hidden: the last hidden state.
        mask: (batch, tokens), 1 for real tokens.
        modes: sentence-transformers' pooling modes; their results are concatenated.
        skipped: tokens at the beginning that are not pooled.
    """
    if hidden.ndim == 2:
        return hidden
    hidden, mask = hidden[:, skipped:], mask[:, skipped:]
    return np.concatenate([_pool(hidden, mask, mode, skipped) for mode in modes], axis=-1)


def first_attention(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much the first token attends to each token, the mean over the heads: (batch, tokens).

    Args:
        weights: attention after its softmax, (batch, heads, tokens, tokens).
    """
    return np.asarray(weights[:, :, 0].mean(axis=1), dtype=np.float32)


def hybrid(hidden: NDArray[np.float32], tensors: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
    """As :func:`rapidembed.graph.blocks.heads.hybrid` does: (batch, tokens, width) -> (batch, tokens, width + 1)."""
    width = hidden.shape[-1]
    output = np.empty((*hidden.shape[:2], width + 1), dtype=np.float32)
    output[:, 0, :width] = hidden[:, 0]
    output[:, 1:, :width] = hidden[:, 1:] @ tensors["token_vectors/weight"].T + tensors["token_vectors/bias"]
    output[:, :, width] = hidden @ tensors["token_weights/weight"][0] + tensors["token_weights/bias"]
    return output


def _pool(hidden: NDArray[np.float32], mask: NDArray[np.int64], mode: PoolingMode, skipped: int) -> Vectors:
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
        weights *= np.cumsum(mask, axis=1, dtype=np.float32) + skipped
    total = np.einsum("bt,bth->bh", weights, hidden)
    count = np.maximum(weights.sum(axis=1, keepdims=True), _MIN_COUNT)
    return np.asarray(total / (np.sqrt(count) if mode == "mean_sqrt_len_tokens" else count), dtype=np.float32)
