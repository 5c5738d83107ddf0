"""Layers by their tensors' names; most newer encoders do without biases."""

from rapidembed.graph import blocks
from rapidembed.graph.writer import GraphWriter


def linear(writer: GraphWriter, name: str, x: str, width_in: int, width_out: int, *, bias: bool = True) -> str:
    """The Linear layer ``name`` on 2-D ``x``."""
    weight = writer.weight(f"{name}.weight", (width_out, width_in))
    return blocks.linear(writer, x, weight, writer.weight(f"{name}.bias", (width_out,)) if bias else "")


def norm(writer: GraphWriter, name: str, x: str, width: int, epsilon: float, *, bias: bool = True) -> str:
    """The LayerNorm layer ``name`` over the last axis."""
    weight = writer.weight(f"{name}.weight", (width,))
    return blocks.layer_norm(writer, x, weight, writer.weight(f"{name}.bias", (width,)) if bias else None, epsilon)


def gated(writer: GraphWriter, x: str, activation: str, *, gate_first: bool = True) -> str:
    """A gated linear unit (https://arxiv.org/abs/2002.05202): one half of 2-D ``x``, activated, times the other."""
    first, second = writer.nodes("Split", x, outputs=2, axis=1, num_outputs=2)
    gate, rest = (first, second) if gate_first else (second, first)
    return writer.node("Mul", blocks.activation(writer, gate, activation), rest)
