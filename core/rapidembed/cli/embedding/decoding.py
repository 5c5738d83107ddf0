"""From the bytes of a file to its text: compressed or not, and in UTF-16 where a mark at its beginning says so."""

import codecs
import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from rapidembed.cli.embedding.sources import Source

_GZIP = b"\x1f\x8b"
_MARKS = (  # the mark of UTF-32 begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_HEAD = 4096


def open_source(source: Source) -> io.BufferedReader:
    """The file, or stdin, as bytes."""
    if source.path is not None:
        return source.path.open("rb")
    if sys.stdin is None:
        raise ValueError("stdin is closed; name a file.")
    try:
        # A reader of its own: sys.stdin's is closed when the interpreter ends, which a thread that waits in it forbids.
        return open(sys.stdin.fileno(), "rb", closefd=False)
    except io.UnsupportedOperation:  # stdin is an object of this process
        return io.BufferedReader(cast("io.RawIOBase", sys.stdin.buffer))


@contextmanager
def decoded(
    source: Source, file: io.BufferedReader, encoding: str, errors: str, newline: str | None
) -> Iterator[io.TextIOWrapper]:
    """The text of a file, which stays the caller's to close.

    Args:
        source: where it is from, for errors.
        file: its bytes; they may be compressed by gzip.
        encoding: of the text. Instead of UTF-8, a mark at the beginning may say UTF-16 or UTF-32.
        errors: what to do with bytes that are no text, as in :func:`open`.
        newline: which line ends are told apart, as in :func:`open`.

    Raises:
        ValueError: it is no text.
    """
    plain = gzip.GzipFile(fileobj=file) if file.peek(len(_GZIP)).startswith(_GZIP) else file
    try:
        head = plain.peek(_HEAD)[:_HEAD]
        name = _encoding(head, codecs.lookup(encoding).name)
        if b"\0" in head and not name.startswith(("utf-16", "utf-32")):
            raise ValueError(
                f"{source.name}: holds NUL bytes, so it is not text in {encoding}: a binary file, compressed in "
                "another way than gzip, or UTF-16 without a mark at its beginning (--encoding utf-16-le)."
            )
        text = io.TextIOWrapper(plain, encoding=name, errors=errors, newline=newline)
        try:
            yield text
        finally:
            text.detach()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{source.name}: damaged, cannot be unpacked by gzip: {error}") from error


def _encoding(head: bytes, encoding: str) -> str:
    if encoding != "utf-8":
        return encoding
    return next((marked for mark, marked in _MARKS if head.startswith(mark)), "utf-8-sig")
