"""The ways to multiply by a weight matrix: exactly, exactly while watching the activations, and in 8-bit integers."""

from typing import Protocol

import numpy as np
from onnx import TensorProto

from rapidembed.graph.rounding import Rounded, divisors
from rapidembed.graph.writer import CONTRIB, GraphWriter

_MIDDLE = 128
_LOW = 24
"""The integer that stands for zero where activations have a floor: most of the range is left for what is above."""


class Linears(Protocol):
    """Writes the nodes of ``x @ weight.T + bias``."""

    approximate: bool
    """Whether what follows may be approximate too, as far as the products are."""

    def linear(self, writer: GraphWriter, x: str, weight: str, bias: str | None) -> str:
        """Arguments are those of :func:`rapidembed.graph.blocks.linear`."""


class Exact:
    """In float32."""

    approximate = False

    def linear(self, writer: GraphWriter, x: str, weight: str, bias: str | None) -> str:
        """One Gemm; checkpoints store weights as (out, in), so nothing is transposed."""
        inputs = [x, weight] if bias is None else [x, weight, bias]
        return writer.node("Gemm", *inputs, transB=1)


class Observing(Exact):
    """In float32; tells how large each channel of normalized activations gets.

    Observations bear the name of the first weight that the activation is multiplied by.
    """

    def __init__(self) -> None:
        self.observed: dict[str, str] = {}
        """Values, float32 (in,), by name of the observation."""
        self._seen: set[str] = set()

    def linear(self, writer: GraphWriter, x: str, weight: str, bias: str | None) -> str:
        """As :class:`Exact`."""
        if writer.trait(x).normalized and x not in self._seen:
            self._seen.add(x)
            largest = writer.node("ReduceMax", writer.node("Abs", x), writer.ints(0), keepdims=0)
            self.observed[writer.part(weight).name] = largest
        return Exact.linear(self, writer, x, weight, bias)


class Rounding:
    """In 8-bit integers: weights per output channel, activations per row, so that no row depends on another.

    uint8 activations times int8 weights is the pair that VNNI and AMX multiply. What surrounds it is plain operators,
    each of which ONNX Runtime does faster than the fused ones that it has (SkipLayerNormalization, BiasGelu).
    """

    approximate = True

    def __init__(self) -> None:
        self.rounded: list[Rounded] = []
        """The weights that it takes as integers."""
        self._rows: dict[str, tuple[str, str, str, str | None]] = {}
        self._zeros: dict[tuple[str, int], str] = {}

    def linear(self, writer: GraphWriter, x: str, weight: str, bias: str | None) -> str:
        """Rounds ``x`` once for all the weights that it is multiplied by."""
        part = writer.part(weight)
        if x not in self._rows:
            self._rows[x] = self._round(writer, x, part.name, part.shape[1])
        rows, steps, zero, smoothed = self._rows[x]
        entry = Rounded(part.source, part.start, part.stop, smoothed)
        self.rounded.append(entry)
        matrix = writer.made(entry.matrix, (part.shape[1], part.shape[0]), TensorProto.INT8)
        scales = writer.made(entry.scales, (part.shape[0],), TensorProto.FLOAT)
        one = writer.constant(np.array(1, dtype=np.float32))
        y = writer.node("MatMulIntegerToFloat", rows, matrix, one, scales, zero, domain=CONTRIB)
        y = writer.node("Mul", y, steps)
        return y if bias is None else writer.node("Add", y, bias)

    def _round(self, writer: GraphWriter, x: str, name: str, width: int) -> tuple[str, str, str, str | None]:
        """Integers, what a row of them is worth (rows, 1), the integer that stands for zero, and the observation."""
        trait = writer.trait(x)
        smoothed = name if trait.normalized else None
        if smoothed is not None:
            x = writer.node("Mul", x, writer.made(divisors(smoothed), (width,), TensorProto.FLOAT))
        zero, positive = (_MIDDLE, writer.node("Abs", x)) if trait.floor is None else (_LOW, x)
        largest = writer.node("ReduceMax", positive, writer.ints(1), keepdims=0)
        steps = writer.node("Mul", largest, _scalar(writer, 1 / (255 - zero)))
        # A row of zeros has steps of zero and arbitrary integers; their product is zero again.
        if trait.floor:
            steps = writer.node("Max", steps, _scalar(writer, trait.floor / zero))
        zero_point = writer.constant(np.array(zero, dtype=np.uint8))
        alike = trait.rows or x
        if (alike, zero) not in self._zeros:
            self._zeros[alike, zero] = writer.node("Expand", zero_point, writer.node("Shape", steps))
        rows = writer.node("QuantizeLinear", x, steps, self._zeros[alike, zero], axis=0)
        writer.describe(rows, rows=alike)
        return rows, writer.node("Unsqueeze", steps, writer.ints(1)), zero_point, smoothed


def _scalar(writer: GraphWriter, value: float) -> str:
    return writer.constant(np.array(value, dtype=np.float32))
