"""Pooling as graph nodes: from the vectors of a text's tokens to one.

Each mode has the form without padding (every row of the batch equally long) and the masked form.
"""

import numpy as np

from rapidembed.errors import UnsupportedModelError
from rapidembed.graph.blocks import basic
from rapidembed.graph.writer import GraphWriter
from rapidembed.names import PoolingMode

_MIN_COUNT = 1e-9  # sentence-transformers' guard against division by zero


def pool(
    writer: GraphWriter, x: str, modes: tuple[PoolingMode, ...], mask: str | None, skipped: str | None = None
) -> str:
    """(batch, tokens, hidden) -> (batch, hidden x modes).

    Args:
        mask: float32 (batch, tokens), 1 for real tokens, padding on the right; None without padding.
        skipped: int64 number of tokens at the beginning that are not pooled; None: all are.

    Raises:
        UnsupportedModelError: ``modes`` say that nothing is left to pool, which is so of some ONNX files only.
    """
    if "none" in modes:
        raise UnsupportedModelError('The pooling "none" is for ONNX files that return vectors; name a pooling mode.')
    if skipped is not None:
        x = after(writer, x, skipped)
        mask = mask and after(writer, mask, skipped)
    pooled = [_pool(writer, x, mode, mask, skipped) for mode in modes]
    return pooled[0] if len(pooled) == 1 else writer.node("Concat", *pooled, axis=-1)


def after(writer: GraphWriter, x: str, skipped: str) -> str:
    """``x``, (batch, tokens, ...), without its first tokens, as many as ``skipped`` says."""
    start = writer.node("Reshape", skipped, writer.ints(1))
    return writer.node("Slice", x, start, writer.ints(np.iinfo(np.int64).max), writer.ints(1))


def _pool(writer: GraphWriter, x: str, mode: PoolingMode, mask: str | None, skipped: str | None) -> str:
    if mode == "cls":
        return basic.first_token(writer, x)
    if mode == "lasttoken":
        return _last_token(writer, x, mask)
    if mode == "max":
        return _max(writer, x, mask)
    if writer.plain and mode == "mean" and mask is None and skipped is None:
        # Before a product OpenVINO would keep the whole residual stream in bfloat16. ONNX Runtime gets a product, whose
        # sums do not depend on the rest of the batch.
        return writer.node("ReduceMean", x, writer.ints(1), keepdims=0)
    weights = mask or _ones(writer, x)
    if mode == "weightedmean":
        positions = _positions(writer, weights)
        if skipped is not None:
            positions = writer.node("Add", positions, writer.node("Cast", skipped, to=1))  # 1: FLOAT
        weights = writer.node("Mul", weights, positions)
    return _weighted_sum(writer, x, weights, root=mode == "mean_sqrt_len_tokens")


def _weighted_sum(writer: GraphWriter, x: str, weights: str, *, root: bool) -> str:
    """Sum of the rows times their weights, over the sum of the weights or its square root."""
    row = writer.node("Unsqueeze", weights, writer.ints(1))
    total = writer.node("Squeeze", writer.node("MatMul", row, x), writer.ints(1))
    count = writer.node("ReduceSum", weights, writer.ints(1), keepdims=1)
    count = writer.node("Max", count, basic.scalar(writer, _MIN_COUNT))
    return writer.node("Div", total, writer.node("Sqrt", count) if root else count)


def _max(writer: GraphWriter, x: str, mask: str | None) -> str:
    if mask is not None:
        real = writer.node("Cast", writer.node("Unsqueeze", mask, writer.ints(2)), to=9)  # 9: BOOL
        x = writer.node("Where", real, x, basic.scalar(writer, float(np.finfo(np.float32).min)))
    return writer.node("ReduceMax", x, writer.ints(1), keepdims=0)


def _last_token(writer: GraphWriter, x: str, mask: str | None) -> str:
    if mask is None:
        return writer.node("Gather", x, basic.number(writer, -1), axis=1)
    # The last real position is where the running position, zeroed on padding, is largest.
    reached = writer.node("Mul", mask, _positions(writer, mask))
    last = writer.node("ArgMax", reached, axis=1, keepdims=1)
    return writer.node("GatherND", x, last, batch_dims=1)


def _ones(writer: GraphWriter, x: str) -> str:
    shape = writer.node("Shape", x, start=0, end=2)
    return writer.node("Expand", basic.scalar(writer, 1.0), shape)


def _positions(writer: GraphWriter, like: str) -> str:
    """1, 2, 3 ... along the last axis, in the shape of ``like``."""
    ones = writer.node("Expand", basic.scalar(writer, 1.0), writer.node("Shape", like))
    return writer.node("CumSum", ones, basic.number(writer, 1))
