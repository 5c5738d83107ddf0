"""Layers by their tensors' names; most newer encoders do without biases; and what their sizes are."""

from rapidembed.errors import UnsupportedModelError
from rapidembed.graph import blocks
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry.config_file import ConfigFile


def read_heads(config: ConfigFile) -> tuple[int, int]:
    """Width of the hidden state and the number of heads that share it.

    Raises:
        UnsupportedModelError: they cannot share it evenly.
        IntegrityError: a field is missing or no positive number.
    """
    hidden, heads = config.positive("hidden_size"), config.positive("num_attention_heads")
    if hidden % heads:
        raise UnsupportedModelError(
            f"{config.path}: hidden_size {hidden} is not a multiple of {heads} attention heads."
        )
    return hidden, heads


def linear(
    writer: GraphWriter, name: str, x: str, width_in: int, width_out: int, *, bias: bool = True, fine: bool = False
) -> str:
    """The Linear layer ``name`` on 2-D ``x``; for ``fine`` see :func:`rapidembed.graph.blocks.linear`."""
    weight = writer.weight(f"{name}.weight", (width_out, width_in))
    return blocks.linear(writer, x, weight, writer.weight(f"{name}.bias", (width_out,)) if bias else None, fine=fine)


def norm(writer: GraphWriter, name: str, x: str, width: int, epsilon: float, *, bias: bool = True) -> str:
    """The LayerNorm layer ``name`` over the last axis."""
    weight = writer.weight(f"{name}.weight", (width,))
    return blocks.layer_norm(writer, x, weight, writer.weight(f"{name}.bias", (width,)) if bias else None, epsilon)


def rms_norm(writer: GraphWriter, name: str, x: str, width: int, epsilon: float, *, offset: float = 0.0) -> str:
    """The RMSNorm layer ``name`` (https://arxiv.org/abs/1910.07467) over the last axis.

    Args:
        writer: takes the nodes.
        name: of the layer.
        x: last axis ``width``.
        width: of the axis.
        epsilon: added to the mean square.
        offset: added to the weights.
    """
    # ONNX Runtime fuses nodes in just this order into one.
    squares = writer.node("Pow", x, blocks.scalar(writer, 2.0))
    mean = writer.node("ReduceMean", squares, writer.ints(-1), keepdims=1)
    root = writer.node("Sqrt", writer.node("Add", mean, blocks.scalar(writer, epsilon)))
    weight = writer.weight(f"{name}.weight", (width,))
    if offset:
        weight = writer.node("Add", weight, blocks.scalar(writer, offset))
    return writer.describe(writer.node("Mul", writer.node("Div", x, root), weight), normalized=True)


def gated(writer: GraphWriter, x: str, activation: str, *, gate_first: bool = True) -> str:
    """A gated linear unit (https://arxiv.org/abs/2002.05202): one half of 2-D ``x``, activated, times the other."""
    first, second = writer.nodes("Split", x, outputs=2, axis=1, num_outputs=2)
    gate, rest = (first, second) if gate_first else (second, first)
    return writer.node("Mul", blocks.activation(writer, gate, activation), rest)
