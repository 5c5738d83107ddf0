"""Which file formats are read, and how one is recognised.

Pillow would open many more: some run other programs (EPS), some hide archives (FITS). Its own limit on pixels belongs
to the whole process; here every call has its own, so formats are tried one by one, as :func:`PIL.Image.open` does.
"""

import struct
from typing import Any, BinaryIO

from rapidembed.runtime.pictures.pillow import pillow

FORMATS = {
    "JPEG": "JpegImagePlugin",
    "PNG": "PngImagePlugin",
    "WEBP": "WebPImagePlugin",
    "GIF": "GifImagePlugin",
    "TIFF": "TiffImagePlugin",
    "BMP": "BmpImagePlugin",
    "AVIF": "AvifImagePlugin",
    "JPEG2000": "Jpeg2KImagePlugin",
    "PPM": "PpmImagePlugin",
    "ICO": "IcoImagePlugin",
}
"""By name, the modules of Pillow that read them; MPO, the pictures of some cameras, is read as JPEG."""
_HEIF = "HEIF"
"""Read where pillow-heif is installed and registered."""
_NOT_OF_THIS_FORMAT = (SyntaxError, IndexError, TypeError, struct.error)


def identify(file: BinaryIO, name: str) -> Any | None:
    """The picture in ``file`` by its header, not decoded; None: it is of no format that is read here.

    Args:
        file: at any position.
        name: of the file, or "".
    """
    image = pillow()
    file.seek(0)
    beginning = file.read(16)
    for kind, module in FORMATS.items():
        pillow(module)
        if (opened := _open(image.OPEN.get(kind), file, name, beginning)) is not None:
            return opened
    return _open(image.OPEN.get(_HEIF), file, name, beginning)


def describe(beginning: bytes) -> str:
    """What bytes are that are no picture, as far as they tell."""
    if not beginning:
        return "it is empty"
    text = beginning.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text[:1] == b"<":
        return "it holds markup: a web page, for example of an error, or a drawing (SVG) saved under this name"
    if text[:4] == b"%PDF":
        return "it is a PDF; render its pages to pictures first"
    if text.startswith(b"version https://git-lfs"):
        return "it is a Git LFS pointer; fetch the file itself: git lfs pull"
    return f"it begins with {beginning[:12]!r}"


def _open(entry: Any, file: BinaryIO, name: str, beginning: bytes) -> Any | None:
    if entry is None:
        return None
    factory, accepts = entry
    answer = accepts(beginning) if accepts is not None else True
    if not answer or isinstance(answer, str):  # a text says that what would read it is not installed
        return None
    file.seek(0)
    try:
        return factory(file, name)
    except _NOT_OF_THIS_FORMAT:
        return None
