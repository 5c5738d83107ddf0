"""Weight matrices in the order in which the library reads them."""

import ctypes
import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rapidembed_native.library import MatrixStruct, Message, PartStruct, Precision, check, load

_ALIGNED = 64


class Activation(enum.IntEnum):
    """Of a layer's widened rows."""

    IDENTITY = 0
    GELU = 1
    GELU_TANH = 2
    RELU = 3
    SILU = 4


@dataclass(frozen=True, slots=True)
class Part:
    """Consecutive outputs of a matrix.

    Attributes:
        weights: float32 (outputs, width), or int8 (width, outputs).
        bias: float32 (outputs,); None: there is none.
        scales: what an integer is worth, float32 (outputs,).
        factor: multiplies what the part computes.
    """

    weights: NDArray[Any]
    bias: NDArray[np.float32] | None = None
    scales: NDArray[np.float32] | None = None
    factor: float = 1.0

    @property
    def shape(self) -> tuple[int, int]:
        """(outputs, width)."""
        rows, columns = self.weights.shape
        return (columns, rows) if self.weights.dtype == np.int8 else (rows, columns)


@dataclass(frozen=True, slots=True)
class Packed:
    """A packed matrix; its bytes may be stored, and be read again at an address that is a multiple of 64."""

    memory: NDArray[np.uint8]

    def struct(self) -> MatrixStruct:
        """What the library takes; this object must outlive it."""
        return MatrixStruct(self.memory.ctypes.data, self.memory.nbytes)


def pack(
    parts: Sequence[Part],
    precision: Precision,
    *,
    gated: bool = False,
    zero: int = 128,
    into: NDArray[np.uint8] | None = None,
) -> Packed:
    """Lay out parts, one beside the other.

    Args:
        parts: all of one width.
        precision: of the products; ``INT8`` takes integers, the others float32.
        gated: of two parts the first, activated, is multiplied with the second.
        zero: the integer that stands for zero in the activations, see :func:`zero_of`.
        into: memory to use, uint8 (:func:`packed_bytes`,); None: new memory.

    Raises:
        ValueError: parts do not go together.
    """
    width = parts[0].shape[1]
    kept = [_checked(part, number, precision, width) for number, part in enumerate(parts)]
    memory = aligned(packed_bytes(precision, sum(part.shape[0] for part in parts), width)) if into is None else into
    message = Message()
    structs = (PartStruct * len(parts))(*(_struct(part) for part in kept))
    status = load().rn_pack(
        precision,
        int(gated),
        structs,
        len(parts),
        width,
        zero,
        memory.ctypes.data,
        memory.nbytes,
        ctypes.byref(message),
    )
    check(status, message)
    return Packed(memory)


def packed_bytes(precision: Precision, outputs: int, width: int) -> int:
    """Size of a packed matrix."""
    size = ctypes.c_uint64()
    check(load().rn_packed_bytes(precision, outputs, width, ctypes.byref(size)))
    return size.value


def zero_of(activation: Activation, *, gated: bool) -> int:
    """The integer that stands for zero in rows behind an activation; IDENTITY: in all others."""
    return int(load().rn_zero(activation, int(gated)))


def aligned(size: int) -> NDArray[np.uint8]:
    """Memory of that many bytes at a multiple of 64."""
    whole = np.empty(size + _ALIGNED, dtype=np.uint8)
    start = -whole.ctypes.data % _ALIGNED
    return whole[start : start + size]


def _checked(part: Part, number: int, precision: Precision, width: int) -> Part:
    outputs = part.shape[0]
    if part.shape[1] != width:
        raise ValueError(f"parts[{number}]: expected a width of {width}, got {part.shape[1]}.")
    if (part.weights.dtype == np.int8) != (precision is Precision.INT8):
        raise ValueError(f"parts[{number}]: expected weights for {precision.name}, got {part.weights.dtype}.")
    if precision is Precision.INT8 and part.scales is None:
        raise ValueError(f"parts[{number}]: integers need scales.")
    kind = np.int8 if precision is Precision.INT8 else np.float32
    return Part(
        np.ascontiguousarray(part.weights, dtype=kind),
        vector(part.bias, outputs, f"parts[{number}].bias"),
        vector(part.scales, outputs, f"parts[{number}].scales"),
        part.factor,
    )


def vector(values: NDArray[Any] | None, count: int, name: str) -> NDArray[np.float32] | None:
    """Values as float32 (count,), contiguous.

    Raises:
        ValueError: they have another shape.
    """
    if values is None:
        return None
    if values.shape != (count,):
        raise ValueError(f"{name}: expected shape ({count},), got {values.shape}.")
    return np.ascontiguousarray(values, dtype=np.float32)


def _struct(part: Part) -> PartStruct:
    return PartStruct(address(part.weights), address(part.scales), address(part.bias), part.shape[0], part.factor)


def address(values: NDArray[Any] | None) -> int | None:
    """Where an array's numbers lie; None: there is no array."""
    return None if values is None else values.ctypes.data
