"""Resampling of pictures that equals Pillow's, bit for bit (``include/rapidembed_pictures.h``)."""

import ctypes
import enum
import functools
from ctypes import POINTER, byref, c_int32, c_int64, c_void_p
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rapidembed_native.library import Message, check, load

_GROUP = 4
_DIGITS = 3


class PictureIsa(enum.IntEnum):
    """Instruction sets of resampling; all give the same results."""

    SCALAR = 0
    AVX2 = 1
    VNNI = 2


class TapsStruct(ctypes.Structure):
    """``rn_taps``."""

    _fields_ = (
        *((name, c_void_p) for name in ("starts", "weights", "digits")),
        *((name, c_int64) for name in ("count", "taps", "size")),
    )


_TAPS, _MESSAGE = POINTER(TapsStruct), POINTER(Message)
_FUNCTIONS: dict[str, list[Any]] = {
    "rn_picture_best_isa": [],
    "rn_make_taps": [c_int32, *[c_int64] * 4, POINTER(c_int64), *[c_void_p] * 3, _MESSAGE],
    "rn_resample_across": [c_int32, _TAPS, c_void_p, c_int64, c_int64, c_void_p, _MESSAGE],
    "rn_resample_down": [c_int32, _TAPS, c_void_p, c_int64, c_int64, c_int64, c_void_p, _MESSAGE],
}


@functools.cache
def _library() -> ctypes.CDLL:
    library = load()
    for name, arguments in _FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = c_int32, arguments
    return library


@functools.cache
def best_isa() -> PictureIsa:
    """The best instruction set that this processor and system offer.

    Raises:
        NativeError: there is no library.
    """
    return PictureIsa(_library().rn_picture_best_isa())


@dataclass(frozen=True, slots=True)
class Taps:
    """What some outputs of a resampled side are made of."""

    starts: NDArray[np.int32]
    """The first input of each output."""
    weights: NDArray[np.int32]
    """(outputs, taps), in units of 2 ** -22."""
    digits: NDArray[np.int32] | None
    """The same as one kernel reads them."""
    size: int
    """Inputs of the side."""

    @property
    def count(self) -> int:
        """Outputs."""
        return len(self.starts)

    @property
    def inputs(self) -> tuple[int, int]:
        """Which inputs are read: from, and to."""
        return int(self.starts.min()), int(self.starts.max()) + self.weights.shape[1]

    def struct(self) -> TapsStruct:
        """For a call of the library, during which this object must live."""
        digits = None if self.digits is None else self.digits.ctypes.data
        shape = self.weights.shape
        return TapsStruct(self.starts.ctypes.data, self.weights.ctypes.data, digits, *shape, self.size)


def make_taps(filter_number: int, size: int, to: int, first: int = 0, count: int | None = None) -> Taps:
    """How a side of ``size`` pixels becomes one of ``to``, of which outputs from ``first`` on are wanted.

    Args:
        filter_number: Pillow's: 1 Lanczos, 2 bilinear, 3 bicubic, 4 box, 5 Hamming.
        size: pixels.
        to: pixels.
        first: the first output.
        count: how many; None: all that follow.

    Raises:
        ValueError: a number is out of range.
    """
    count = to - first if count is None else count
    taps, message = c_int64(), Message()
    make = functools.partial(_library().rn_make_taps, filter_number, size, to, first, count, byref(taps))
    check(make(None, None, None, byref(message)), message)
    most = taps.value
    starts, weights = np.empty(count, dtype=np.int32), np.empty((count, most), dtype=np.int32)
    digits = None if most % _GROUP else np.empty((count, most // _GROUP, _DIGITS), dtype=np.int32)
    place = None if digits is None else digits.ctypes.data
    check(make(starts.ctypes.data, weights.ctypes.data, place, byref(message)), message)
    return Taps(starts, weights, digits, size)


def across(taps: Taps, pixels: int, stride: int, out: NDArray[np.uint8], isa: PictureIsa | None = None) -> None:
    """Resample rows.

    Args:
        taps: of the width.
        pixels: address of pixels of 4 bytes, as many rows as ``out`` has.
        stride: bytes from a row to the next.
        out: uint8 (rows, outputs, 4), contiguous.
        isa: None: the best.
    """
    message = Message()
    chosen = best_isa() if isa is None else isa
    _expect(out, (len(out), taps.count, 4))
    function = _library().rn_resample_across
    check(function(chosen, byref(taps.struct()), pixels, stride, len(out), out.ctypes.data, byref(message)), message)


def down(
    taps: Taps, pixels: NDArray[np.uint8], top: int, out: NDArray[np.uint8], isa: PictureIsa | None = None
) -> None:
    """Resample columns, and drop the fourth byte of each pixel.

    Args:
        taps: of the height.
        pixels: uint8 (rows, columns, 4), contiguous.
        top: which row of the whole height is the first of these.
        out: uint8 (outputs, columns, 3), contiguous.
        isa: None: the best.
    """
    message = Message()
    chosen = best_isa() if isa is None else isa
    rows, columns = pixels.shape[:2]
    _expect(pixels, (rows, columns, 4))
    _expect(out, (taps.count, columns, 3))
    function, struct = _library().rn_resample_down, byref(taps.struct())
    status = function(chosen, struct, pixels.ctypes.data, top, rows, columns, out.ctypes.data, byref(message))
    check(status, message)


def _expect(array: NDArray[np.uint8], shape: tuple[int, ...]) -> None:
    if array.shape != shape or array.dtype != np.uint8 or not array.flags.c_contiguous:
        raise ValueError(f"expected contiguous uint8 of the shape {shape}, got {array.dtype} {array.shape}")
