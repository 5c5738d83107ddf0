"""What an ONNX file refers to, read from its protobuf fields without loading any weights.

ONNX Runtime opens the files that a graph names as its external data. They are checked before it gets the graph.
"""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePosixPath

from rapidembed.errors import IntegrityError
from rapidembed.hub.files import check_name, lies_within

# Field numbers of onnx.proto3 (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3) that lead to tensors.
_CHILDREN: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 11: "input", 12: "output", 15: "sparse"},
    "node": {4: "operator", 5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {8: "stored", 13: "entry"},
}
# A value has a name and a type, the type of a tensor has a shape, that has dimensions, and these may have a size.
_NAME, _TYPE, _TENSOR, _SHAPE, _DIMENSION, _SIZE = 1, 2, 1, 2, 1, 1
_KEY, _VALUE = 1, 2
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_DEEPEST = 64


@dataclass(frozen=True, slots=True)
class Value:
    """An input or an output of a graph."""

    name: str
    shape: tuple[int | None, ...] | None
    """Sizes of its dimensions, None for those that are free; None: the file does not say."""


@dataclass(slots=True)
class OnnxFile:
    """Names in a graph.

    Attributes:
        inputs: what a run must be given.
        outputs: what it gives, in order.
        external: (file, offset, length) of every tensor that is stored elsewhere; length None: to the file's end.
        operators: every operator type.
    """

    inputs: list[Value] = field(default_factory=list)
    outputs: list[Value] = field(default_factory=list)
    external: set[tuple[str, int, int | None]] = field(default_factory=set)
    operators: set[str] = field(default_factory=set)
    stored: set[str] = field(default_factory=set, repr=False)

    @property
    def files(self) -> list[str]:
        """The external files, relative to the graph's folder."""
        return sorted({file for file, _, _ in self.external})


def read_onnx(path: Path) -> OnnxFile:
    """Scan the graph in ``path``.

    Raises:
        IntegrityError: it is empty, cut short or no ONNX file, or names a file that is not a plain path beside it.
    """
    state = path.stat()
    return _read(path, state.st_size, state.st_mtime_ns)


def check_external(path: Path, root: Path) -> None:
    """Check that the external data of ``path`` lies within files below ``root``.

    Links are followed as the hub's cache has them: from a snapshot to a blob of the same repository.

    Raises:
        IntegrityError: names the entry.
    """
    for file, offset, length in read_onnx(path).external:
        target = path.parent / file
        if not target.is_file():
            raise IntegrityError(f"{path} keeps data in {file!r}, which does not exist.")
        if not lies_within(target, root):
            raise IntegrityError(f"{path} keeps data in {file!r}, a link that leads out of {root}; refused.")
        end, size = offset + (length or 0), target.stat().st_size
        if offset < 0 or (length is not None and length < 0) or end > size:
            raise IntegrityError(f"{path} keeps data at {offset} + {length} of {file!r}, which has {size} bytes.")


@lru_cache(maxsize=16)
def _read(path: Path, size: int, modified: int) -> OnnxFile:
    found = OnnxFile()
    if size == 0:
        raise IntegrityError(f"{path} is empty. Delete it and fetch the model again.")
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            _walk(data, 0, size, "model", found, 0)
    except _MalformedError as error:
        raise IntegrityError(f"{path} is not a complete ONNX file ({error}).") from error
    # Older files list their weights among the inputs.
    found.inputs = [value for value in found.inputs if value.name not in found.stored]
    for name in found.files:
        check_name(name, str(path))
    return found


class _MalformedError(Exception):
    """The bytes are not a protobuf message of the expected kind."""


def _walk(data: mmap.mmap, start: int, end: int, kind: str, found: OnnxFile, depth: int) -> None:
    if depth > _DEEPEST:
        raise _MalformedError("nested too deeply")
    entries: dict[str, str] = {}
    for number, begin, stop in _fields(data, start, end):
        child = _CHILDREN[kind].get(number)
        if child == "operator":
            found.operators.add(data[begin:stop].decode("utf-8", "replace"))
        elif child == "stored":
            found.stored.add(data[begin:stop].decode("utf-8", "replace"))
        elif child in ("input", "output"):
            if depth == 1:  # others are of graphs within the graph
                (found.inputs if child == "input" else found.outputs).append(_value(data, begin, stop))
        elif child == "entry":
            values = {n: data[b:s].decode("utf-8", "replace") for n, b, s in _fields(data, begin, stop)}
            entries[values.get(_KEY, "")] = values.get(_VALUE, "")
        elif child is not None:
            _walk(data, begin, stop, child, found, depth + 1)
    if entries:
        found.external.add(_location(entries))


def _value(data: mmap.mmap, start: int, end: int) -> Value:
    name, shape = "", None
    for number, begin, stop in _fields(data, start, end):
        if number == _NAME:
            name = data[begin:stop].decode("utf-8", "replace")
        elif number == _TYPE:
            for tensor in _parts(data, begin, stop, _TENSOR):
                for dimensions in _parts(data, *tensor, _SHAPE):
                    shape = tuple(_size(data, *dimension) for dimension in _parts(data, *dimensions, _DIMENSION))
    return Value(name, shape)


def _parts(data: mmap.mmap, start: int, end: int, number: int) -> Iterator[tuple[int, int]]:
    """Begin and end of the fields of that number."""
    return ((begin, stop) for found, begin, stop in _fields(data, start, end) if found == number)


def _size(data: mmap.mmap, start: int, end: int) -> int | None:
    """Of a dimension; None where it has a name, or nothing."""
    if start == end:
        return None
    tag, position = _varint(data, start, end)
    if (tag >> 3, tag & 7) != (_SIZE, _VARINT):
        return None
    size, _ = _varint(data, position, end)
    return size if 0 < size < 1 << 31 else None


def _location(entries: dict[str, str]) -> tuple[str, int, int | None]:
    try:
        length = int(entries["length"]) if "length" in entries else None
        return str(PurePosixPath(entries["location"])), int(entries.get("offset", 0)), length
    except (KeyError, ValueError) as error:
        raise _MalformedError(f"external data is described as {entries}") from error


def _fields(data: mmap.mmap, position: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Number, begin and end of every length-delimited field of a message."""
    while position < end:
        tag, position = _varint(data, position, end)
        number, wire = tag >> 3, tag & 7
        if wire == _BYTES:
            length, position = _varint(data, position, end)
            if position + length > end:
                raise _MalformedError(f"cut short at byte {len(data)}")
            yield number, position, position + length
            position += length
        elif wire == _VARINT:
            _, position = _varint(data, position, end)
        elif wire in (_FIXED64, _FIXED32):
            position += 8 if wire == _FIXED64 else 4
        else:
            raise _MalformedError(f"unknown wire type {wire} at byte {position}")
    if position != end:
        raise _MalformedError(f"cut short at byte {len(data)}")


def _varint(data: mmap.mmap, position: int, end: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= end:
            raise _MalformedError(f"cut short at byte {position}")
        byte = data[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
    raise _MalformedError(f"a number is too long at byte {position}")
