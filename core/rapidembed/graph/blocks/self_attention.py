"""Attention between the tokens of each text, over ready projections."""

import numpy as np

from rapidembed.graph.blocks.basic import scalar
from rapidembed.graph.writer import CONTRIB, GraphWriter


def self_attention(
    writer: GraphWriter,
    q: str,
    k: str,
    v: str,
    *,
    heads: int,
    mask: str | None,
    scale: float | None = None,
    bias: str | None = None,
    causal: bool = False,
) -> str:
    """Multi-head attention over 3-D projections; queries may be fewer than keys.

    Without a mask ONNX Runtime's CPU kernel never materializes the (tokens x tokens) scores.

    Args:
        mask: int32 (batch, tokens), 1 for real tokens; None where no row of the batch is padded.
        scale: factor of the scores; None: one over the square root of a head's width.
        bias: float32 (batch or 1, heads or 1, queries, tokens), added to the scores; None: nothing is.
        causal: whether tokens see only themselves and those before them.
    """
    if writer.plain:
        return _plain_attention(writer, q, k, v, heads, mask, scale, bias, causal=causal)
    inputs = [q, k, v, "", mask or "", bias or ""]
    while not inputs[-1]:
        inputs.pop()
    attributes: dict[str, float] = {} if scale is None else {"scale": scale}
    if causal:
        attributes["unidirectional"] = 1
    return writer.node("MultiHeadAttention", *inputs, domain=CONTRIB, num_heads=heads, **attributes)


def _plain_attention(
    writer: GraphWriter,
    q: str,
    k: str,
    v: str,
    heads: int,
    mask: str | None,
    scale: float | None,
    bias: str | None,
    *,
    causal: bool,
) -> str:
    """:func:`self_attention` in operators that every runtime has."""
    split = writer.ints(0, 0, heads, -1)

    def by_head(x: str, *order: int) -> str:
        return writer.node("Transpose", writer.node("Reshape", x, split), perm=list(order))

    q, keys, v = by_head(q, 0, 2, 1, 3), by_head(k, 0, 2, 3, 1), by_head(v, 0, 2, 1, 3)
    if scale is None:
        width = writer.node("Cast", writer.node("Shape", q, start=3), to=1)  # 1: FLOAT
        q = writer.node("Div", q, writer.node("Sqrt", width))
    else:
        q = writer.node("Mul", q, scalar(writer, scale))
    scores = writer.node("MatMul", q, keys)
    if bias is not None:
        scores = writer.node("Add", scores, bias)
    hidden = scalar(writer, float(np.finfo(np.float32).min))
    if mask is not None:
        seen = writer.node("Unsqueeze", writer.node("Cast", mask, to=9), writer.ints(1, 2))  # 9: BOOL
        scores = writer.node("Where", seen, scores, hidden)
    if causal:
        square = writer.node("Expand", scalar(writer, 1.0), writer.node("Shape", scores, start=2))
        seen = writer.node("Cast", writer.node("Trilu", square, upper=0), to=9)
        scores = writer.node("Where", seen, scores, hidden)
    attended = writer.node("MatMul", writer.node("Softmax", scores, axis=-1), v)
    attended = writer.node("Transpose", attended, perm=[0, 2, 1, 3])
    return writer.node("Reshape", attended, writer.ints(0, 0, -1))


def penalized(writer: GraphWriter, q: str, k: str, penalty: str, *, heads: int, width: int) -> tuple[str, str]:
    """Queries and keys, (batch, tokens, heads x width), whose scores have the keys' penalties added.

    Every head gets one more dimension: 1 in the queries, the penalty in the keys. So attention needs no mask, which
    would cost it its fast path for all texts.
    """
    shape = writer.ints(0, 0, heads, width)
    flat = writer.ints(0, 0, heads * (width + 1))

    def widen(x: str, extra: str) -> str:
        x = writer.node("Reshape", x, shape)
        extra = writer.node(
            "Expand", extra, writer.node("Concat", writer.node("Shape", x, end=3), writer.ints(1), axis=0)
        )
        return writer.node("Reshape", writer.node("Concat", x, extra, axis=3), flat)

    return widen(q, writer.constant(np.ones((1, 1, 1, 1), dtype=np.float32))), widen(k, penalty)
