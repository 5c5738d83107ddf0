"""Files as ``torch.save`` wrote them before version 1.6: pickles one after another, then the bytes of each storage.

Like the newer ones they are not executed, see :mod:`rapidembed.graph.numbers.torch_file`.
"""

import mmap
import pickletools
import struct
from itertools import islice
from pathlib import Path
from typing import IO, Any, cast

from rapidembed.errors import IntegrityError, UnsupportedModelError
from rapidembed.graph.numbers.torch_file import entry, tensors_of

MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""What such a file begins with: a pickle of a number."""
_PROTOCOL = 1001
_MOST_OPCODES = 1_000_000
"""Of a pickle; a model of a thousand tensors has a thirtieth."""


def is_legacy(path: Path) -> bool:
    """Whether the file is of that kind."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def read_legacy_header(path: Path) -> dict[str, dict[str, Any]]:
    """The table of tensors, see :func:`rapidembed.graph.numbers.torch_file.read_torch_header`.

    Raises:
        UnsupportedModelError: the file holds anything but a dictionary of contiguous tensors.
        IntegrityError: it is damaged.
    """
    with path.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as file:
        file.seek(len(MAGIC))
        if [argument for name, argument in _pickle(file, path) if name.startswith("BININT")] != [_PROTOCOL]:
            raise UnsupportedModelError(f"{path} is of a version of torch.save that is not known.")
        system = _pickle(file, path)
        names = [argument for _, argument in system]
        place = names.index("little_endian") if "little_endian" in names else None
        if place is None or ("NEWTRUE", None) not in system[place : place + 3]:
            raise UnsupportedModelError(f"{path}: numbers must be stored little-endian.")
        start = file.tell()
        _pickle(file, path)
        program = _between(file, start)
        tensors = tensors_of(program, path)
        widths = {tensor.storage.key: tensor.storage.width for tensor in tensors.values()}
        keys = [argument for name, argument in _pickle(file, path) if name == "BINUNICODE"]
        places = _storages(file, keys, widths, path)
    return {name: entry(path, name, tensor, places.get(tensor.storage.key)) for name, tensor in tensors.items()}


def _pickle(file: mmap.mmap, path: Path) -> list[tuple[str, Any]]:
    """The opcodes of the next pickle."""
    opcodes = pickletools.genops(cast("IO[bytes]", file))  # of which it needs what maps have too
    try:
        found = [(opcode.name, argument) for opcode, argument, _ in islice(opcodes, _MOST_OPCODES)]
    except (ValueError, OverflowError) as error:
        raise IntegrityError(f"{path} is not a complete file of torch.save: {error}") from error
    if len(found) == _MOST_OPCODES:
        raise IntegrityError(f"{path} is not a file of torch.save: a pickle in it does not end.")
    return found


def _between(file: mmap.mmap, start: int) -> bytes:
    end = file.tell()
    file.seek(start)
    return file.read(end - start)


def _storages(file: mmap.mmap, keys: list[str], widths: dict[str, int], path: Path) -> dict[str, tuple[int, int]]:
    """Begin and end of each storage's bytes."""
    places, size = {}, path.stat().st_size
    for key in keys:
        head = file.read(8)
        if len(head) < 8 or key not in widths:
            raise IntegrityError(f"{path} is not a complete file of torch.save: the storage {key!r} is missing.")
        begin = file.tell()
        end = begin + struct.unpack("<q", head)[0] * widths[key]
        if not begin <= end <= size:
            raise IntegrityError(f"{path}: the data of the storage {key!r} is cut short.")
        places[key] = begin, end
        file.seek(end)
    return places
