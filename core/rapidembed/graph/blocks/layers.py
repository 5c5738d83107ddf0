"""Layers by their tensors' names; most newer encoders do without biases."""

from rapidembed.graph.blocks import basic
from rapidembed.graph.writer import GraphWriter


def linear(
    writer: GraphWriter,
    name: str,
    x: str,
    width_in: int,
    width_out: int,
    *,
    bias: bool = True,
    exact: bool = False,
    fine: bool = False,
) -> str:
    """The Linear layer ``name`` on 2-D ``x``; the rest is of :func:`rapidembed.graph.blocks.basic.linear`."""
    weight = writer.weight(f"{name}.weight", (width_out, width_in))
    shift = writer.weight(f"{name}.bias", (width_out,)) if bias else None
    return basic.linear(writer, x, weight, shift, exact=exact, fine=fine)


def linear_parts(
    writer: GraphWriter,
    name: str,
    x: str,
    width_in: int,
    width_out: int,
    *,
    parts: int,
    bias: bool = True,
    fine: int | None = None,
) -> list[str]:
    """Linear layers of equal width that are stored as one, ``name``; ``width_out`` is that of all.

    Each takes its rows of the matrix where they lie, so that no result has to be cut. The one of number ``fine`` is so,
    see :func:`rapidembed.graph.blocks.basic.linear`.
    """
    step, results = width_out // parts, list[str]()
    for start in range(0, width_out, step):
        rows = (start, start + step)
        weight = writer.rows(writer.full_name(f"{name}.weight"), (width_out, width_in), *rows)
        shift = writer.rows(writer.full_name(f"{name}.bias"), (width_out,), *rows) if bias else None
        results.append(basic.linear(writer, x, weight, shift, fine=len(results) == fine))
    return results


def norm(writer: GraphWriter, name: str, x: str, width: int, epsilon: float, *, bias: bool = True) -> str:
    """The LayerNorm layer ``name`` over the last axis."""
    # TensorFlow's names, gamma and beta, are still in checkpoints that were converted early.
    weight = writer.weight(f"{name}.weight", (width,), f"{name}.gamma")
    shift = writer.weight(f"{name}.bias", (width,), f"{name}.beta") if bias else None
    return basic.layer_norm(writer, x, weight, shift, epsilon)


def rms_norm(writer: GraphWriter, name: str, x: str, width: int, epsilon: float, *, offset: float = 0.0) -> str:
    """The RMSNorm layer ``name`` (https://arxiv.org/abs/1910.07467) over the last axis."""
    # ONNX Runtime fuses nodes in just this order into one.
    squares = writer.node("Pow", x, basic.scalar(writer, 2.0))
    mean = writer.node("ReduceMean", squares, writer.ints(-1), keepdims=1)
    root = writer.node("Sqrt", writer.node("Add", mean, basic.scalar(writer, epsilon)))
    weight = writer.weight(f"{name}.weight", (width,))
    if offset:
        weight = writer.node("Add", weight, basic.scalar(writer, offset))
    return writer.describe(writer.node("Mul", writer.node("Div", x, root), weight), normalized=True)


def gated(writer: GraphWriter, gate: str, x: str, activation: str) -> str:
    """A gated linear unit (https://arxiv.org/abs/2002.05202): ``x`` times the activated gate."""
    return writer.node("Mul", basic.activation(writer, gate, activation), x)
