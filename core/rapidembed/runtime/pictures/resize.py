"""Resizing of RGB pictures: by rapidembed-native where that is installed, else by Pillow, with equal results."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rapidembed.registry.image_processor import Size
from rapidembed.runtime.pictures.memory import strips

if TYPE_CHECKING:
    from rapidembed_native.pictures import Taps

_PIXEL = 4
_NEAREST = 0


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a resized picture is wanted."""

    top: int
    left: int
    rows: int
    columns: int


def resized(image: Any, size: Size, resample: int, window: Window) -> NDArray[np.uint8]:
    """Resize a PIL image of mode "RGB".

    Args:
        image: the picture.
        size: (height, width) of the whole when it is resized.
        resample: Pillow's number of the filter.
        window: what of the whole is returned.

    Returns:
        (rows, columns, 3), as Pillow would make it.
    """
    make_taps = _taps()
    if make_taps is not None and resample != _NEAREST and _across_first((image.height, image.width), size):
        return _resampled(image, size, resample, window, make_taps)
    picture: NDArray[np.uint8] = np.asarray(image.resize((size[1], size[0]), resample))
    return picture[window.top : window.top + window.rows, window.left : window.left + window.columns]


def _across_first(size: Size, target: Size) -> bool:
    """Whether every Pillow resizes rows before columns: from 13 on it begins with what shrinks most by far."""
    return size[0] - target[0] <= max(2 * (size[1] - target[1]), 0)


def _resampled(
    image: Any, size: Size, resample: int, window: Window, make_taps: Callable[[int, int, int, int, int], "Taps"]
) -> NDArray[np.uint8]:
    from rapidembed_native import pictures

    image.load()
    across = make_taps(resample, image.width, size[1], window.left, window.columns)
    down = make_taps(resample, image.height, size[0], window.top, window.rows)
    first, last = down.inputs
    narrow = np.empty((last - first, window.columns, _PIXEL), dtype=np.uint8)
    done = 0
    for strip in strips(image, first, last):
        pictures.across(across, strip.address, image.width * _PIXEL, narrow[done : done + strip.rows])
        done += strip.rows
    out = np.empty((window.rows, window.columns, 3), dtype=np.uint8)
    pictures.down(down, narrow, first, out)
    return out


@cache
def _taps() -> Callable[[int, int, int, int, int], "Taps"] | None:
    """The weights of a side, kept for pictures of one size; None where rapidembed-native is not faster than Pillow."""
    try:
        from rapidembed_native import NativeError, pictures
    except ImportError:  # not installed, or before it knew pictures
        return None
    try:
        fast = pictures.best_isa() > pictures.PictureIsa.SCALAR
    except NativeError:  # rapidembed doctor tells; the results are the same without it
        return None
    return lru_cache(maxsize=32)(pictures.make_taps) if fast else None
