"""One picture, whatever it is given as, as a PIL image of mode "RGB"."""

import io
import os
from typing import Any, BinaryIO

import numpy as np

from rapidembed.errors import PictureError
from rapidembed.runtime.pictures.colours import to_rgb
from rapidembed.runtime.pictures.formats import FORMATS, describe, identify
from rapidembed.runtime.pictures.pillow import pillow
from rapidembed.runtime.pictures.reading import Reading
from rapidembed.runtime.pictures.source import Picture, Place, check_file, check_picture, load_shared, read_bytes

_ORIENTATION = 0x0112
_DRAFT = 2
"""How many times as large as the model needs it a picture is at least when it is decoded in small: the rest is resized
with the model's own filter, which a smaller picture would leave little to do."""


def read_picture(
    value: Picture, index: int | None = None, how: Reading | None = None, least: tuple[int, int] | None = None
) -> Any:
    """Read a picture; of an animation its first frame.

    Args:
        value: see :data:`rapidembed.runtime.pictures.source.Picture`.
        index: which of the call's pictures it is, for errors.
        how: the caller's choices.
        least: width and height that are enough, for :attr:`Reading.draft`.

    Returns:
        A PIL image of mode "RGB".

    Raises:
        TypeError: it is of no known kind.
        PictureError: it cannot be read, or is too large; names index and path.
        MissingExtraError: Pillow is not installed.
    """
    how = how or Reading()
    place = check_picture(value, index)
    pillow()
    try:
        if isinstance(value, np.ndarray):
            return _from_array(value, how, place)
        if isinstance(value, str | os.PathLike):
            return _from_path(os.fspath(value), how, place, least)
        if isinstance(value, bytes | bytearray | memoryview):
            return _from_file(io.BytesIO(value), how, place, least)
        if hasattr(value, "read"):
            return _from_file(io.BytesIO(read_bytes(value)), how, place, least)
        return _from_pil(value, how, place)
    except (PictureError, MemoryError):
        raise
    except Exception as error:  # decoders raise what they like on damaged files: OSError, SyntaxError, struct.error ...
        raise place.error(f" cannot be decoded: {error or type(error).__name__}.") from error


def _from_path(path: str, how: Reading, place: Place, least: tuple[int, int] | None) -> Any:
    check_file(path, place)
    with open(path, "rb") as file:
        return _from_file(file, how, place, least)


def _from_file(file: BinaryIO, how: Reading, place: Place, least: tuple[int, int] | None) -> Any:
    image = identify(file, place.path or "")
    if image is None:
        file.seek(0)
        raise place.error(
            f" is no picture that can be read here: {describe(file.read(32))}. Known: {', '.join(FORMATS)}."
        )
    _check_size(image, how, place)
    if how.draft and least is not None:
        image.draft("RGB", (_DRAFT * least[0], _DRAFT * least[1]))
    image.load()
    return to_rgb(_upright(image, how), how.alpha)


def _from_pil(image: Any, how: Reading, place: Place) -> Any:
    _check_size(image, how, place)
    load_shared(image)
    return to_rgb(_upright(image, how), how.alpha)


def _from_array(array: Any, how: Reading, place: Place) -> Any:
    image = pillow().fromarray(np.ascontiguousarray(array[..., 0] if array.shape[2:] == (1,) else array))
    _check_size(image, how, place)
    return to_rgb(image, how.alpha)


def _check_size(image: Any, how: Reading, place: Place) -> None:
    width, height = image.size
    if width * height > how.max_pixels:
        raise place.error(
            f" has {width} x {height} pixels, more than max_pixels={how.max_pixels}. "
            f"If you trust it, raise that limit; decoding it takes {width * height * 4 / 1e6:,.0f} MB."
        )
    if not width or not height:
        raise place.error(f" is empty: {width} x {height} pixels.")


def _upright(image: Any, how: Reading) -> Any:
    if not how.rotate or image.getexif().get(_ORIENTATION, 1) == 1:
        return image
    return pillow("ImageOps").exif_transpose(image)
