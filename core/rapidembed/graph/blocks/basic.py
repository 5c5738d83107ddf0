"""Blocks that all architectures share. Activations are (batch, tokens, hidden) unless said otherwise."""

import numpy as np

from rapidembed.errors import UnsupportedModelError
from rapidembed.graph.layout import Activation
from rapidembed.graph.linears import ExactLinears
from rapidembed.graph.writer import CONTRIB, GraphWriter

_ACTIVATIONS: dict[str, Activation] = {
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
    return (ExactLinears() if exact else writer.linears).linear(writer, x, weight, bias or None, fine=fine)


def layer_norm(writer: GraphWriter, x: str, weight: str, bias: str | None, epsilon: float) -> str:
    """Layer normalization over the last axis."""
    y = writer.node("LayerNormalization", x, weight, *([bias] if bias else []), axis=-1, epsilon=epsilon)
    return writer.describe(y, normalized=True)


def activation(writer: GraphWriter, x: str, name: str) -> str:
    """A config's ``hidden_act``.

    Raises:
        UnsupportedModelError: the name is unknown.
    """
    kind = activation_kind(name)
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


def activation_kind(name: str) -> Activation:
    """What a config's ``hidden_act`` names.

    Raises:
        UnsupportedModelError: the name is unknown.
    """
    kind = _ACTIVATIONS.get(name)
    if kind is None:
        raise UnsupportedModelError(f"hidden_act={name!r} is unknown; known: {', '.join(_ACTIVATIONS)}.")
    return kind


def lookup(writer: GraphWriter, table: str, ids: str) -> str:
    """Rows of an embedding table."""
    return writer.node("Gather", table, ids, axis=0)


def leading_rows(writer: GraphWriter, table: str, count: str) -> str:
    """The first ``count`` rows; ``count`` is a 1-D int64 value of one element."""
    return writer.node("Slice", table, writer.ints(0), count, writer.ints(0))


def numbered(writer: GraphWriter, ids: str, padding: int) -> str:
    """Positions counted from the number behind ``padding``, over the tokens that are not that one; its own is it."""
    first = number(writer, padding)
    real = writer.node("Cast", writer.node("Not", writer.node("Equal", ids, first)), to=7)  # 7: INT64
    count = writer.node("CumSum", real, number(writer, 1))
    return writer.node("Add", writer.node("Mul", count, real), first)


def first_token(writer: GraphWriter, x: str) -> str:
    """(batch, tokens, hidden) -> (batch, hidden)."""
    return writer.node("Gather", x, number(writer, 0), axis=1)


def scalar(writer: GraphWriter, value: float) -> str:
    """A float32 constant."""
    return writer.constant(np.array(value, dtype=np.float32))


def number(writer: GraphWriter, value: int) -> str:
    """An int64 constant."""
    return writer.constant(np.array(value, dtype=np.int64))


def positions(writer: GraphWriter, count: str) -> str:
    """0, 1, 2 ... as many as ``count`` says, a 1-D int64 value of one element."""
    return writer.node("Range", number(writer, 0), writer.node("Squeeze", count), number(writer, 1))
