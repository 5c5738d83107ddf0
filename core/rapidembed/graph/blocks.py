"""Blocks that encoder architectures share. Activations are (batch, tokens, hidden) unless said otherwise."""

import numpy as np

from rapidembed.errors import UnsupportedModelError
from rapidembed.graph.linears import Exact
from rapidembed.graph.writer import CONTRIB, GraphWriter

_ACTIVATIONS = {
    "gelu": "erf",
    "gelu_python": "erf",
    "gelu_new": "tanh",
    "gelu_fast": "tanh",
    "gelu_pytorch_tanh": "tanh",
    "quick_gelu": "quick",
    "relu": "relu",
    "silu": "silu",
    "swish": "silu",
}

_FLOORS = {"erf": 0.171, "tanh": 0.171, "quick": 0.164, "relu": 0.0, "silu": 0.279}
"""How far below zero each goes."""


def flatten(writer: GraphWriter, x: str, width: int) -> str:
    """(batch, tokens, width) -> (batch x tokens, width), the shape that Gemm takes."""
    return writer.node("Reshape", x, writer.ints(-1, width))


def linear(
    writer: GraphWriter, x: str, weight: str, bias: str | None = None, *, exact: bool = False, fine: bool = False
) -> str:
    """``x @ weight.T + bias`` on 2-D ``x``.

    Args:
        writer: takes the nodes, in the way of its ``linears``.
        x: float32 (rows, in).
        weight: name of a tensor of the checkpoint, or of rows of one: (out, in).
        bias: (out,); None or "": there is none.
        exact: in float32 in any case, for what costs little and matters much.
        fine: with twice the bits where activations are rounded, for what costs little and loses most: the values of
            attention.
    """
    return (Exact() if exact else writer.linears).linear(writer, x, weight, bias or None, fine=fine)


def layer_norm(writer: GraphWriter, x: str, weight: str, bias: str | None, epsilon: float) -> str:
    """Layer normalization over the last axis."""
    y = writer.node("LayerNormalization", x, weight, *([bias] if bias else []), axis=-1, epsilon=epsilon)
    return writer.describe(y, normalized=True)


def activation(writer: GraphWriter, x: str, name: str) -> str:
    """A config's ``hidden_act``.

    Raises:
        UnsupportedModelError: the name is unknown.
    """
    kind = _ACTIVATIONS.get(name)
    if kind is None:
        raise UnsupportedModelError(f"hidden_act={name!r} is unknown; known: {', '.join(_ACTIVATIONS)}.")
    if kind == "relu":
        y = writer.node("Relu", x)
    elif kind == "silu":
        y = writer.node("Mul", x, writer.node("Sigmoid", x))
    elif kind == "quick":
        y = _quick_gelu(writer, x)
    else:
        y = writer.node("Gelu", x, approximate="tanh" if kind == "tanh" else "none")
    return writer.describe(y, floor=_FLOORS[kind])


def _quick_gelu(writer: GraphWriter, x: str) -> str:
    if not writer.plain:
        return writer.node("QuickGelu", x, domain=CONTRIB, alpha=1.702)
    return writer.node("Mul", x, writer.node("Sigmoid", writer.node("Mul", x, scalar(writer, 1.702))))


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


def lookup(writer: GraphWriter, table: str, ids: str) -> str:
    """Rows of an embedding table."""
    return writer.node("Gather", table, ids, axis=0)


def leading_rows(writer: GraphWriter, table: str, count: str) -> str:
    """The first ``count`` rows; ``count`` is a 1-D int64 value of one element."""
    return writer.node("Slice", table, writer.ints(0), count, writer.ints(0))


def numbered(writer: GraphWriter, ids: str, padding: int) -> str:
    """Positions counted from the number behind ``padding``, over the tokens that are not that one; its own is it."""
    first = writer.constant(np.array(padding, dtype=np.int64))
    real = writer.node("Cast", writer.node("Not", writer.node("Equal", ids, first)), to=7)  # 7: INT64
    count = writer.node("CumSum", real, writer.constant(np.array(1, dtype=np.int64)))
    return writer.node("Add", writer.node("Mul", count, real), first)


def first_token(writer: GraphWriter, x: str) -> str:
    """(batch, tokens, hidden) -> (batch, hidden)."""
    return writer.node("Gather", x, writer.constant(np.array(0, dtype=np.int64)), axis=1)


def scalar(writer: GraphWriter, value: float) -> str:
    """A float32 constant."""
    return writer.constant(np.array(value, dtype=np.float32))
