"""From an RGB picture to tiles of pixels, equal to transformers' processor of Idefics3 on Pillow."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rapidembed.registry.image_processor import Size
from rapidembed.registry.tiled_processor import TiledProcessor
from rapidembed.runtime.pictures.pixels import shaped

_LARGEST = 4096


@dataclass(frozen=True, slots=True)
class Tiles:
    """A cut picture."""

    pixels: NDArray[np.uint8]
    """(tiles, side, side, 3): row by row, then the whole; not yet scaled and normalized."""
    rows: int
    """Of tiles; 0: it was not cut."""
    columns: int


def cut(image: Any, processor: TiledProcessor) -> Tiles:
    """Cut a PIL image of mode "RGB"."""
    side = processor.side
    if processor.longest is not None:
        image = _resized(image, _longest((image.height, image.width), processor.longest), processor)
    if not processor.split:
        return Tiles(_all([image], processor), 0, 0)
    height, width = _multiples((image.height, image.width), side)
    image = _resized(image, (height, width), processor)
    rows, columns = height // side, width // side
    if rows == columns == 1:
        return Tiles(_all([image], processor), 0, 0)
    corners = [(left, top) for top in range(0, height, side) for left in range(0, width, side)]
    parts = [image.crop((left, top, left + side, top + side)) for left, top in corners]
    return Tiles(_all([*parts, image], processor), rows, columns)


def _longest(size: Size, longest: int) -> Size:
    """(height, width) with the longer side as given; the other is even, rounded down and then up."""
    height, width = size
    ratio = width / height
    if width >= height:
        height, width = _even(int(longest / ratio)), longest
    else:
        height, width = longest, _even(int(longest * ratio))
    height, width = max(height, 1), max(width, 1)
    ratio = width / height
    if width >= height and width > _LARGEST:
        height, width = int(_LARGEST / ratio), _LARGEST
    elif height > width and height > _LARGEST:
        height, width = _LARGEST, int(_LARGEST * ratio)
    return max(height, 1), max(width, 1)


def _even(side: int) -> int:
    return side + side % 2


def _multiples(size: Size, side: int) -> Size:
    """(height, width) of whole tiles that cover nearly the same shape."""
    height, width = size
    ratio = width / height
    if width >= height:
        width = -(-width // side) * side
        height = -(-int(width / ratio) // side) * side
    else:
        height = -(-height // side) * side
        width = -(-int(height * ratio) // side) * side
    return height, width


def _resized(image: Any, size: Size, processor: TiledProcessor) -> Any:
    return image.resize((size[1], size[0]), processor.resample)


def _all(parts: list[Any], processor: TiledProcessor) -> NDArray[np.uint8]:
    """The pixels of pictures that are made, or are, as large as a tile."""
    return np.stack([shaped(part, processor.of_a_tile) for part in parts])
