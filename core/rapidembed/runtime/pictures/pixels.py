"""From an RGB picture to the numbers that a model reads, equal to transformers' processors on Pillow."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rapidembed.registry.image_processor import Channels, ImageProcessor, Size
from rapidembed.runtime.pictures.resize import Window, resized

_LONG = 8
"""Pictures whose longer side would be that many times as long as what is cropped of it are cropped before they are
resized. Nearly equal: some pixels differ by one step of 255. But a picture of 1 x 20000 would fill gigabytes."""


def pixels(image: Any, processor: ImageProcessor, out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """Resize, crop, scale and normalize.

    Args:
        image: a PIL image of mode "RGB".
        processor: what to do.
        out: float32 (3, height, width) to write to; None: a new array.

    Returns:
        ``out``.
    """
    cropped = shaped(image, processor)
    if out is None:
        out = np.empty((3, *cropped.shape[:2]), dtype=np.float32)
    normalized(cropped, processor, out)
    return out


def shaped(image: Any, processor: ImageProcessor) -> NDArray[np.uint8]:
    """A PIL image of mode "RGB" as large as the model reads it: (height, width, 3), still of 8 bits."""
    picture = np.asarray(image) if processor.resize is None else _resized(image, processor, processor.resize)
    return _cropped(picture, processor)


def normalized(cropped: NDArray[np.uint8], processor: ImageProcessor, out: NDArray[np.float32]) -> None:
    """Scale and normalize (height, width, 3) into ``out``, (3, height, width)."""
    table = _table(processor.scale, processor.mean, processor.deviation)
    for channel in range(3):
        # All that one of 256 values can become is known: looking it up is exact, and as fast as computing it.
        np.take(table[channel], cropped[..., channel], out=out[channel], mode="clip")


def resized_size(size: Size, resize: int | Size) -> Size:
    """(height, width) of a picture of ``size`` when it has been resized."""
    if not isinstance(resize, int):
        return resize
    height, width = size
    longer = int(resize * max(size) / min(size))
    return (longer, resize) if width <= height else (resize, longer)


def _resized(image: Any, processor: ImageProcessor, resize: int | Size) -> NDArray[np.uint8]:
    """The resized picture, or as much of its middle as is cropped."""
    size = image.height, image.width
    target = resized_size(size, resize)
    crop = target if processor.crop is None else processor.crop
    (top, rows), (left, columns) = (
        (max(_start(side, wanted, processor.crop_to_even), 0), min(wanted, side))
        for side, wanted in zip(target, crop, strict=True)
    )
    if max(target) <= _LONG * max(crop):
        return resized(image, target, processor.resample, Window(top, left, rows, columns))
    down, across = size[0] / target[0], size[1] / target[1]
    box = (left * across, top * down, min((left + columns) * across, size[1]), min((top + rows) * down, size[0]))
    return np.asarray(image.resize((columns, rows), processor.resample, box=box))


def _cropped(picture: NDArray[np.uint8], processor: ImageProcessor) -> NDArray[np.uint8]:
    """The middle of (height, width, 3)."""
    crop = processor.crop
    if crop is None or picture.shape[:2] == crop:
        return picture
    cut: list[slice] = []
    paste: list[slice] = []
    for side, wanted in zip(picture.shape, crop, strict=False):
        start = _start(side, wanted, processor.crop_to_even)
        cut.append(slice(max(start, 0), max(start, 0) + min(wanted, side)))
        paste.append(slice(max(-start, 0), max(-start, 0) + min(wanted, side)))
    if picture.shape[0] >= crop[0] and picture.shape[1] >= crop[1]:
        return picture[cut[0], cut[1]]
    filled = np.zeros((*crop, 3), dtype=np.uint8)
    filled[paste[0], paste[1]] = picture[cut[0], cut[1]]
    return filled


def _start(side: int, wanted: int, to_even: bool) -> int:
    """Where the middle ``wanted`` pixels of a side begin; below 0 where the side is shorter."""
    return round((side - wanted) / 2) if to_even else (side - wanted) // 2


@lru_cache(maxsize=32)
def _table(scale: float, mean: Channels, deviation: Channels) -> NDArray[np.float32]:
    """What each value of a pixel becomes, (3, 256), rounded where transformers rounds."""
    values = (np.arange(256, dtype=np.float64) * scale).astype(np.float32)
    middle, spread = (np.array(numbers, dtype=np.float32)[:, None] for numbers in (mean, deviation))
    table: NDArray[np.float32] = (values - middle) / spread
    return table
