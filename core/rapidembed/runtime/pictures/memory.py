"""The pixels of a PIL image where Pillow keeps them, without a copy of all."""

import ctypes
from collections.abc import Iterator
from ctypes import POINTER, c_int64, c_void_p
from dataclasses import dataclass
from typing import Any

from rapidembed.runtime.pictures.pillow import pillow

_PIXEL = 4
"""Bytes of a pixel of mode "RGB": the fourth says nothing."""
_BLOCK = 16 << 20
"""Pillow keeps larger pictures in several blocks of at most so many bytes."""
_STRIP = 4 << 20
_NAME = b"arrow_array"
_pointer = ctypes.PYFUNCTYPE(c_void_p, ctypes.py_object, ctypes.c_char_p)(("PyCapsule_GetPointer", ctypes.pythonapi))


class _ArrowArray(ctypes.Structure):
    """What Arrow's C data interface says of an array; what follows is for its owner."""

    _fields_ = (
        *((name, c_int64) for name in ("length", "null_count", "offset", "n_buffers", "n_children")),
        ("buffers", POINTER(c_void_p)),
        ("children", POINTER(c_void_p)),
    )


@dataclass(frozen=True, slots=True)
class Strip:
    """Some rows, from the first pixel to the last."""

    rows: int
    address: int
    owner: object
    """Lives as long as the pixels do."""


def strips(image: Any, first: int, last: int) -> Iterator[Strip]:
    """Rows ``first`` to ``last`` of a PIL image of mode "RGB": of a large one a few at a time, or all at once."""
    row = image.width * _PIXEL
    if row * image.height <= _BLOCK:
        whole = _strip(image)
        yield Strip(last - first, whole.address + first * row, whole.owner)
        return
    step = max(_STRIP // row, 1)
    for top in range(first, last, step):
        yield _strip(image.crop((0, top, image.width, min(top + step, last))))


def _strip(image: Any) -> Strip:
    capsule = _exported(image)
    if capsule is None:
        copied = image.tobytes("raw", "RGBX")
        return Strip(image.height, ctypes.cast(ctypes.c_char_p(copied), c_void_p).value or 0, copied)
    array = _ArrowArray.from_address(_pointer(capsule, _NAME))
    channels = _ArrowArray.from_address(array.children[0])
    return Strip(image.height, channels.buffers[1], capsule)


def _exported(image: Any) -> object | None:
    """The image as an Arrow array; None: an older Pillow, or one that was told to lay pictures out in another way."""
    if pillow().core.get_alignment() != 1:  # between rows there may be room then, and the array does not tell
        return None
    try:
        return image.__arrow_c_array__()[1]  # type: ignore[no-any-return]
    except (AttributeError, ValueError):
        return None
