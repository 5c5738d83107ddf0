"""Blocks that encoder architectures share. Activations are (batch, tokens, hidden) unless said otherwise."""

import numpy as np

from rapidembed.errors import UnsupportedModelError
from rapidembed.graph.writer import CONTRIB, GraphWriter

_ACTIVATIONS = {
    "gelu": "erf",
    "gelu_python": "erf",
    "gelu_new": "tanh",
    "gelu_fast": "tanh",
    "gelu_pytorch_tanh": "tanh",
    "relu": "relu",
    "silu": "silu",
    "swish": "silu",
}


def flatten(writer: GraphWriter, x: str, width: int) -> str:
    """(batch, tokens, width) -> (batch x tokens, width), the shape that Gemm takes."""
    return writer.node("Reshape", x, writer.ints(-1, width))


def linear(writer: GraphWriter, x: str, weight: str, bias: str | None = None) -> str:
    """``x @ weight.T + bias`` on 2-D ``x``; checkpoints store weights as (out, in), so nothing is transposed."""
    return writer.node("Gemm", x, weight, *([bias] if bias else []), transB=1)


def layer_norm(writer: GraphWriter, x: str, weight: str, bias: str | None, epsilon: float) -> str:
    """Layer normalization over the last axis."""
    return writer.node("LayerNormalization", x, weight, *([bias] if bias else []), axis=-1, epsilon=epsilon)


def activation(writer: GraphWriter, x: str, name: str) -> str:
    """A config's ``hidden_act``.

    Raises:
        UnsupportedModelError: the name is unknown.
    """
    kind = _ACTIVATIONS.get(name)
    if kind is None:
        raise UnsupportedModelError(f"hidden_act={name!r} is unknown; known: {', '.join(_ACTIVATIONS)}.")
    if kind == "relu":
        return writer.node("Relu", x)
    if kind == "silu":
        return writer.node("Mul", x, writer.node("Sigmoid", x))
    return writer.node("Gelu", x, approximate="tanh" if kind == "tanh" else "none")


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
    inputs = [q, k, v, "", mask or "", bias or ""]
    while not inputs[-1]:
        inputs.pop()
    attributes: dict[str, float] = {} if scale is None else {"scale": scale}
    if causal:
        attributes["unidirectional"] = 1
    return writer.node("MultiHeadAttention", *inputs, domain=CONTRIB, num_heads=heads, **attributes)


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
