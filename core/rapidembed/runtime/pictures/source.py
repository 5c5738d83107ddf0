"""What a picture may be given as, checked before any is opened."""

import os
import re
import stat
from dataclasses import dataclass
from threading import Lock
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rapidembed.errors import PictureError

Picture: TypeAlias = "str | os.PathLike[str] | bytes | BinaryIO | Any | NDArray[np.uint8]"
"""A path, the bytes of a file, an open binary file, a PIL image, or an array (height, width, 3, 4 or 1) of uint8."""

_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+:/|data:", re.ASCII)
_KINDS = "a path, bytes, an open binary file, a PIL image or a numpy array (height, width, 3) of uint8"
_ONE_AT_A_TIME = Lock()  # the same file object may be given twice, and read by two threads


@dataclass(frozen=True, slots=True)
class Place:
    """Which picture of a call an error is about."""

    index: int | None = None
    path: str | None = None

    def __str__(self) -> str:
        where = "The picture" if self.index is None else f"images[{self.index}]"
        return where if self.path is None else f"{where} ({self.path})"

    def error(self, message: str) -> PictureError:
        """An error about this picture; ``message`` goes on behind its name."""
        return PictureError(f"{self}{message}", self.index, self.path)


def is_picture(value: object) -> bool:
    """Whether a value is of a kind that one picture may be given as; a str counts, whatever it says."""
    return isinstance(value, str | os.PathLike | bytes | bytearray | memoryview | np.ndarray) or (
        hasattr(value, "read") or _is_pil(value)
    )


def check_picture(value: object, index: int | None = None) -> Place:
    """Refuse what cannot be a picture, without opening it.

    Raises:
        TypeError: it is of no known kind; the message names its index.
        PictureError: it is a URL, or an array of another shape or type.
    """
    if isinstance(value, str | os.PathLike):
        path = os.fspath(value)
        if not isinstance(path, str):
            path = os.fsdecode(path)
        place = Place(index, path if len(path) < 500 else f"{path[:60]}...")
        if _URL.match(path):
            raise place.error(
                " is a URL; nothing is downloaded here. Fetch it yourself and pass the bytes, for example "
                "urllib.request.urlopen(url).read(), or save it and pass the path."
            )
        return place
    place = Place(index)
    if isinstance(value, np.ndarray):
        _check_array(value, place)
    elif not is_picture(value):
        hint = "; leave missing pictures out" if value is None else ""
        raise TypeError(f"{place} must be {_KINDS}; got {type(value).__name__}{hint}.")
    return place


def read_bytes(value: Any) -> bytes:
    """All of an open file, from its beginning where it can be rewound."""
    with _ONE_AT_A_TIME:
        if hasattr(value, "seekable") and value.seekable():
            value.seek(0)
        content = value.read()
    if not isinstance(content, bytes | bytearray | memoryview):
        raise TypeError(f'open it as binary: open(path, "rb"); reading gave {type(content).__name__}')
    return bytes(content)


def check_file(path: str, place: Place) -> None:
    """Refuse what is no regular file: folders, devices and pipes, which may never end.

    Raises:
        PictureError: says what it is.
    """
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise place.error(f" cannot be opened: {reason}.") from error
    if stat.S_ISDIR(mode):
        raise place.error(" is a folder; pass the pictures in it, for example sorted(Path(folder).glob('*.jpg')).")
    if not stat.S_ISREG(mode):
        raise place.error(" is a device or a pipe; pass a file or its bytes.")


def load_shared(image: Any) -> None:
    """Decode a PIL image that a caller holds too; two threads must not do that at once."""
    with _ONE_AT_A_TIME:
        image.load()


def _is_pil(value: object) -> bool:
    """Without importing Pillow: who has such an image has imported it."""
    return any(kind.__module__ == "PIL.Image" and kind.__name__ == "Image" for kind in type(value).__mro__)


def _check_array(array: NDArray[Any], place: Place) -> None:
    if array.dtype != np.uint8:
        hint = "; scale it first: (x * 255).round().astype('uint8')" if array.dtype.kind == "f" else ""
        raise place.error(f" must be an array of uint8, got {array.dtype}{hint}.")
    channels = array.shape[2] if array.ndim == 3 else 1
    if array.ndim not in (2, 3) or channels not in (1, 3, 4):
        turn = array.ndim == 3 and array.shape[0] in (1, 3, 4)
        hint = "; move the channels to the end: x.transpose(1, 2, 0)" if turn else ""
        raise place.error(f" must have the shape (height, width, 3, 4 or 1), got {array.shape}{hint}.")
    if 0 in array.shape:
        raise place.error(f" is empty: its shape is {array.shape}.")
