"""From a checkpoint's tensors to an encoder of rapidembed-native, whose weights are packed once and then mapped."""

import hashlib
import itertools
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from rapidembed_native import (
    Description,
    Encoder,
    LayerWeights,
    NativeError,
    Norm,
    Packed,
    Part,
    Precision,
    Rotary,
    pack,
    zero_of,
)
from rapidembed_native.library import load as load_library
from rapidembed_native.packing import Activation, aligned, packed_bytes

from rapidembed.errors import IntegrityError, UnsupportedModelError
from rapidembed.graph.built import divisors
from rapidembed.graph.cache import cached_bytes
from rapidembed.graph.compiled import read_packed
from rapidembed.graph.encoder_tensors import EncoderTensors
from rapidembed.graph.layout import LayerLayout, Layout, Rows
from rapidembed.graph.weights import Weights
from rapidembed.runtime.workers import compute_pool

_ACTIVATIONS = {
    "erf": Activation.GELU,
    "tanh": Activation.GELU_TANH,
    "relu": Activation.RELU,
    "silu": Activation.SILU,
}
_PRECISIONS = {"int8": Precision.INT8, "bf16": Precision.BF16, "fp32": Precision.FP32}
_LOG2_E = math.log2(math.e)
_HEAD_WIDTHS = (32, 64, 96, 128)
_HIDDEN_STEP = 64
_ALIGNED = 64
_NO_FACTORS = (1.0, 1.0, 1.0)
_PACKERS = 4
"""Threads that pack weights at most."""


def check_sizes(layout: Layout, prefix: str, weights: Weights, name: str) -> None:
    """Check that the library can compute an encoder of these sizes; arguments are of :class:`EncoderTensors`.

    Raises:
        UnsupportedModelError: tells which size it cannot.
    """
    hidden, heads = layout.hidden, layout.heads
    words = weights.matrix(prefix + layout.words)[1]
    if hidden % _HIDDEN_STEP or words % _HIDDEN_STEP:
        raise UnsupportedModelError(f"{name}: widths must be multiples of {_HIDDEN_STEP}, got {words} and {hidden}.")
    if hidden // heads not in _HEAD_WIDTHS:
        known = ", ".join(map(str, _HEAD_WIDTHS))
        raise UnsupportedModelError(f"{name}: heads must be {known} wide, got {hidden // heads}.")


def open_encoder(tensors: EncoderTensors, precision: str, name: str, longest: int) -> Encoder:
    """The encoder.

    Args:
        tensors: with integers where the precision is of integers.
        precision: to compute in.
        name: of the model, for messages.
        longest: tokens of the longest text.

    Raises:
        UnsupportedModelError: the library cannot compute it, see :func:`check_sizes`.
        IntegrityError: tensors do not fit each other.
    """
    try:
        return Encoder(_Model(tensors, precision, longest).description())
    except NativeError as error:
        raise UnsupportedModelError(f"{name}: {error}") from error
    except ValueError as error:
        raise IntegrityError(f"{name}: config.json and the weights contradict each other: {error}") from error


def pack_weights(tensors: EncoderTensors, precision: str, longest: int) -> tuple[str, NDArray[np.uint8]]:
    """What compiled folders ship, see :func:`rapidembed.graph.compiled.read_packed`; arguments as above."""
    return _Model(tensors, precision, longest).packed()


def _aligned(size: int) -> int:
    return -(-size // _ALIGNED) * _ALIGNED


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Matrix:
    """A matrix as the library takes it."""

    rows: tuple[Rows, ...]
    factors: Sequence[float] = _NO_FACTORS
    gated: bool = False
    zero: int = 128


class _Model:
    def __init__(self, tensors: EncoderTensors, precision: str, longest: int) -> None:
        self._tensors, self._layout, self._longest = tensors, tensors.layout, longest
        self._precision = _PRECISIONS[precision]
        if tensors.layout.activation not in _ACTIVATIONS:
            raise UnsupportedModelError(f'backend="native" lacks the activation {tensors.layout.activation!r}.')
        self._activation = _ACTIVATIONS[tensors.layout.activation]

    def description(self) -> Description:
        layout = self._layout
        return Description(
            precision=self._precision,
            hidden=layout.hidden,
            heads=layout.heads,
            intermediate=layout.intermediate,
            activation=self._activation,
            gated=layout.gated,
            prenorm=layout.prenorm,
            epsilon=layout.epsilon,
            words=self._read(layout.words),
            position_table=self._read(layout.positions) if layout.positions else None,
            type_table=self._read(layout.types) if layout.types else None,
            embedding_norm=self._norm(layout.embedding_norm),
            padding=-1 if layout.padding is None else layout.padding,
            projection=self._packed["projection"] if layout.projection else None,
            projection_multipliers=self._multipliers(layout.projection) if layout.projection else None,
            bias=self._bias(),
            rotary=[self._angles(turns) for turns in layout.turns],
            layers=[self._layer(number, layer) for number, layer in enumerate(layout.layers)],
        )

    def _layer(self, number: int, layer: LayerLayout) -> LayerWeights:
        return LayerWeights(
            **{name: self._packed[f"{number}.{name}"] for name in ("qkv", "out", "up", "down")},
            middle=self._norm(layer.middle),
            last=self._norm(layer.last),
            qkv_multipliers=self._multipliers(*layer.qkv),
            up_multipliers=self._multipliers(*layer.up),
            rotary=-1 if layer.turns is None else layer.turns,
            reach=layer.reach or 0,
        )

    @cached_property
    def _matrices(self) -> dict[str, _Matrix]:
        layout = self._layout
        scale = _LOG2_E / math.sqrt(layout.hidden // layout.heads)
        zero = zero_of(self._activation, gated=layout.gated)
        found = {} if layout.projection is None else {"projection": _Matrix(rows=(layout.projection,))}
        for number, layer in enumerate(layout.layers):
            found[f"{number}.qkv"] = _Matrix(rows=layer.qkv, factors=(scale, 1.0, 1.0))
            found[f"{number}.out"] = _Matrix(rows=(layer.out,))
            found[f"{number}.up"] = _Matrix(rows=layer.up, gated=layout.gated)
            found[f"{number}.down"] = _Matrix(rows=(layer.down,), zero=zero)
        return found

    @cached_property
    def _packed(self) -> dict[str, Packed]:
        return {name: Packed(view) for name, view in self._views(self.packed()[1]).items()}

    def packed(self) -> tuple[str, NDArray[np.uint8]]:
        """What every matrix is laid out as, and all of them in one block of memory, a file's."""
        version = load_library().rn_pack_version()
        what = _digest(f"{version} {self._precision.name} {self._matrices}")
        size = sum(_aligned(size) for size in self._sizes.values())
        memory = read_packed(self._tensors.root, what, size)
        if memory is None and self._precision is Precision.FP32:
            # Made in the time that reading it takes, and as large as the checkpoint: not worth a file.
            memory = aligned(size)
            self._fill(memory)
        elif memory is None:
            memory = cached_bytes(_digest(f"{self._tensors.key} {what}"), size, self._fill)
        return what, memory

    @cached_property
    def _sizes(self) -> dict[str, int]:
        return {name: packed_bytes(self._precision, *self._shape(m.rows)) for name, m in self._matrices.items()}

    def _views(self, memory: NDArray[np.uint8]) -> dict[str, NDArray[np.uint8]]:
        starts = itertools.accumulate(map(_aligned, self._sizes.values()), initial=0)
        return {
            name: memory[start : start + size] for start, (name, size) in zip(starts, self._sizes.items(), strict=False)
        }

    def _fill(self, memory: NDArray[np.uint8]) -> None:
        views = self._views(memory)
        with ThreadPoolExecutor(min(_PACKERS, compute_pool().size)) as threads:
            for done in [threads.submit(self._pack, self._matrices[name], into) for name, into in views.items()]:
                done.result()

    def _pack(self, matrix: _Matrix, into: NDArray[np.uint8]) -> None:
        parts = [self._part(rows, factor) for rows, factor in zip(matrix.rows, matrix.factors, strict=False)]
        pack(parts, self._precision, gated=matrix.gated, zero=matrix.zero, into=into)
        for rows in matrix.rows:
            self._tensors.weights.release(self._full(f"{rows.name}.weight"))

    def _shape(self, rows: tuple[Rows, ...]) -> tuple[int, int]:
        """(outputs, width) of linear layers together."""
        shapes = [self._tensors.weights.matrix(self._full(f"{each.name}.weight")) for each in rows]
        outputs = sum(shape[0] // each.parts for shape, each in zip(shapes, rows, strict=True))
        return outputs, shapes[0][1]

    def _part(self, rows: Rows, factor: float) -> Part:
        name = self._full(f"{rows.name}.weight")
        size = self._tensors.weights.matrix(name)[0] // rows.parts
        start = rows.part * size
        bias = self._read(f"{rows.name}.bias")[start : start + size] if rows.bias else None
        if self._precision is not Precision.INT8:
            return Part(self._tensors.weights.float32(name)[start : start + size], bias, factor=factor)
        entry, made = self._tensors.rounded[name, start], self._tensors.made
        return Part(made[entry.matrix], bias, made[entry.scales], factor)

    def _multipliers(self, *rows: Rows) -> NDArray[np.float32] | None:
        """Of the channels of the activation that these matrices are multiplied by."""
        if self._precision is not Precision.INT8:
            return None
        found = set[str | None]()
        for each in rows:
            name = self._full(f"{each.name}.weight")
            start = each.part * (self._tensors.weights.matrix(name)[0] // each.parts)
            entry = self._tensors.rounded[name, start]
            found.add(divisors(entry.observation) if entry.smoothed else None)
        if len(found) != 1:
            raise TypeError(
                f"{rows[0].name}: the graph rounds one activation in several ways: {sorted(map(str, found))}."
            )
        (shared,) = found
        return None if shared is None else self._tensors.made[shared]

    def _norm(self, name: str) -> Norm:
        older = {"weight": "gamma", "bias": "beta"}
        has = self._tensors.weights.__contains__

        def read(part: str) -> NDArray[np.float32]:
            today = f"{name}.{part}"
            return self._read(today if has(self._full(today)) else f"{name}.{older[part]}")

        return Norm(read("weight"), read("bias") if self._layout.norm_bias else None)

    def _angles(self, turns: NDArray[np.float32]) -> Rotary:
        angles = np.arange(self._longest, dtype=np.float32)[:, None] * turns
        return Rotary(np.cos(angles), np.sin(angles))

    def _bias(self) -> NDArray[np.float32] | None:
        """Added to scores, (heads, distances), times what the library wants."""
        layout = self._layout
        if layout.relative is not None:
            by_distance = self._read(layout.relative.table)[layout.relative.rows].T
        elif layout.slopes is not None:
            distances = np.abs(np.arange(-self._longest, self._longest + 1, dtype=np.float32))
            by_distance = -layout.slopes[:, None] * distances
        else:
            return None
        return np.ascontiguousarray(by_distance * np.float32(_LOG2_E))

    def _full(self, name: str) -> str:
        return self._tensors.prefix + name

    def _read(self, name: str) -> NDArray[np.float32]:
        return self._tensors.weights.float32(self._full(name))
