"""The ways to multiply by a weight matrix: exactly, exactly while watching the activations, and in 8-bit integers."""

from dataclasses import dataclass

import numpy as np
from onnx import TensorProto

from rapidembed.graph.built import Rounded, divisors
from rapidembed.graph.writer import CONTRIB, GraphWriter

_MIDDLE = 128
_FINE = 1 / 254
_LOW = 24
"""The integer that stands for zero where activations have a floor: most of the range is left for what is above."""


class ExactLinears:
    """In float32."""

    def linear(self, writer: GraphWriter, x: str, weight: str, bias: str | None, *, fine: bool) -> str:
        """One Gemm; checkpoints store weights as (out, in), so nothing is transposed."""
        inputs = [x, weight] if bias is None else [x, weight, bias]
        return writer.node("Gemm", *inputs, transB=1)


class ObservedLinears(ExactLinears):
    """In float32; tells how the channels of each activation go together.

    Observations bear the name of the first weight that the activation is multiplied by. Layers that share a weight
    share the observation.
    """

    def __init__(self) -> None:
        self.observed: dict[str, tuple[str, int]] = {}
        """By name of the observation: a value, float32 (in, in), the products of channels, summed over rows; and in."""
        self._seen: set[str] = set()

    def linear(self, writer: GraphWriter, x: str, weight: str, bias: str | None, *, fine: bool) -> str:
        """As :class:`ExactLinears`."""
        if x not in self._seen:
            self._seen.add(x)
            part = writer.part(weight)
            gram = writer.node("Gemm", x, x, transA=1)
            if part.name in self.observed:
                gram = writer.node("Add", self.observed[part.name][0], gram)
            self.observed[part.name] = gram, part.width
        return ExactLinears.linear(self, writer, x, weight, bias, fine=fine)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Activations in integers."""

    exact: str
    """Their values, smoothed."""
    integers: str
    """uint8 (rows, in)."""
    zero: str
    """The integer that stands for zero."""
    zeros: str
    """It once for each row, uint8 (rows,)."""
    steps: str
    """What an integer is worth, float32 (rows,)."""
    column: str
    """The same as (rows, 1)."""
    observation: str
    """Name of what was observed of them."""
    smoothed: bool
    """Whether channels are."""
    alike: str
    """A value that has as many rows."""


class IntegerLinears:
    """In 8-bit integers: weights per output channel, activations per row, so that no row depends on another.

    uint8 activations times int8 weights is the pair that VNNI and AMX multiply. What surrounds it is plain operators,
    each of which ONNX Runtime does faster than the fused ones that it has (SkipLayerNormalization, BiasGelu).
    """

    def __init__(self) -> None:
        self.rounded: list[Rounded] = []
        """The weights that it takes as integers."""
        self._rows: dict[str, _Rows] = {}
        self._zeros: dict[tuple[str, int], str] = {}

    def linear(self, writer: GraphWriter, x: str, weight: str, bias: str | None, *, fine: bool) -> str:
        """Rounds ``x`` once for all the weights that it is multiplied by; if ``fine``, also what rounding took away."""
        part = writer.part(weight)
        if x not in self._rows:
            self._rows[x] = self._round(writer, x, part.name, part.width)
        rows = self._rows[x]
        entry = Rounded(part.source, part.start, part.stop, rows.observation, rows.smoothed)
        self.rounded.append(entry)
        matrix = writer.made(entry.matrix, (part.width, part.shape[0]), TensorProto.INT8)
        scales = writer.made(entry.scales, (part.shape[0],), TensorProto.FLOAT)

        def product(integers: str, zero: str, worth: float) -> str:
            worth_of_one = _scalar(writer, worth)
            return writer.node("MatMulIntegerToFloat", integers, matrix, worth_of_one, scales, zero, domain=CONTRIB)

        y = product(rows.integers, rows.zero, 1)
        if fine:
            y = writer.node("Add", y, product(self._remainder(writer, rows), _byte(writer, _MIDDLE), _FINE))
        y = writer.node("Mul", y, rows.column)
        return y if bias is None else writer.node("Add", y, bias)

    def _round(self, writer: GraphWriter, x: str, name: str, width: int) -> _Rows:
        trait = writer.trait(x)
        alike = trait.rows or x
        if trait.normalized:
            x = writer.node("Mul", x, writer.made(divisors(name), (width,), TensorProto.FLOAT))
        zero, positive = (_MIDDLE, writer.node("Abs", x)) if trait.floor is None else (_LOW, x)
        largest = writer.node("ReduceMax", positive, writer.ints(1), keepdims=0)
        steps = writer.node("Mul", largest, _scalar(writer, 1 / (255 - zero)))
        # A row of zeros has steps of zero and arbitrary integers; their product is zero again.
        if trait.floor:
            steps = writer.node("Max", steps, _scalar(writer, trait.floor / zero))
        zeros = self._equal(writer, zero, steps, alike)
        return _Rows(
            exact=x,
            integers=self._integers(writer, x, steps, zeros, alike),
            zero=_byte(writer, zero),
            zeros=zeros,
            steps=steps,
            column=writer.node("Unsqueeze", steps, writer.ints(1)),
            observation=name,
            smoothed=trait.normalized,
            alike=alike,
        )

    def _remainder(self, writer: GraphWriter, rows: _Rows) -> str:
        """What is left of activations, at most half a step, in steps that are ``_FINE`` times as wide."""
        near = writer.node("DequantizeLinear", rows.integers, rows.steps, rows.zeros, axis=0)
        steps = writer.node("Mul", rows.steps, _scalar(writer, _FINE))
        zeros = self._equal(writer, _MIDDLE, steps, rows.alike)
        return self._integers(writer, writer.node("Sub", rows.exact, near), steps, zeros, rows.alike)

    def _equal(self, writer: GraphWriter, zero: int, steps: str, alike: str) -> str:
        """The integer that stands for zero, once for each row."""
        if (alike, zero) not in self._zeros:
            self._zeros[alike, zero] = writer.node("Expand", _byte(writer, zero), writer.node("Shape", steps))
        return self._zeros[alike, zero]

    def _integers(self, writer: GraphWriter, x: str, steps: str, zeros: str, alike: str) -> str:
        integers = writer.node("QuantizeLinear", x, steps, zeros, axis=0)
        return writer.describe(integers, rows=alike)


def _scalar(writer: GraphWriter, value: float) -> str:
    return writer.constant(np.array(value, dtype=np.float32))


def _byte(writer: GraphWriter, value: int) -> str:
    return writer.constant(np.array(value, dtype=np.uint8))
