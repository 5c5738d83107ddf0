"""Tensors in the files that ``torch.save`` writes: where each lies. Nothing of such a file is ever executed.

The file is a zip archive of uncompressed entries: one holds the raw bytes of each storage, and a pickle says which
tensors they make up. Pickles are programs that may call anything, so this one is not run: its opcodes are read, and
those that a plain dictionary of contiguous tensors needs are understood here; anything else is refused.
"""

import math
import pickletools
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rapidembed.errors import IntegrityError, RapidEmbedError, UnsupportedModelError

# What zipfile raises over damaged archives.
_DAMAGE = (OSError, EOFError, zipfile.BadZipFile, struct.error, ValueError, NotImplementedError, RuntimeError)
_LARGEST_PICKLE = 1 << 24
"""Bytes; a model of a thousand tensors has a hundredth."""
_LOCAL_HEADER = 30
"""Bytes of the header before an entry's data, to which its name and extra field are added."""
_DICTIONARY = "collections OrderedDict"
_TENSOR = "torch._utils _rebuild_tensor_v2"
_STORAGES = {
    "torch FloatStorage": ("F32", 4),
    "torch HalfStorage": ("F16", 2),
    "torch BFloat16Storage": ("BF16", 2),
    "torch DoubleStorage": ("F64", 8),
    "torch LongStorage": ("I64", 8),
    "torch IntStorage": ("I32", 4),
    "torch ShortStorage": ("I16", 2),
    "torch CharStorage": ("I8", 1),
    "torch ByteStorage": ("U8", 1),
    "torch BoolStorage": ("BOOL", 1),
}


@dataclass(frozen=True, slots=True)
class _Global:
    """A name that the pickle uses; what it stands for is never looked up."""

    name: str


@dataclass(frozen=True, slots=True)
class _Storage:
    """Raw bytes of some numbers."""

    dtype: str
    width: int
    key: str


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor that a pickle describes."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]


_MARK = object()


def read_torch_header(path: Path) -> dict[str, dict[str, Any]]:
    """The table of tensors, as safetensors has it: name -> dtype, shape, and begin and end of its bytes in the file.

    Raises:
        UnsupportedModelError: the file holds anything but a dictionary of contiguous tensors.
        IntegrityError: it is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = {entry.filename.partition("/")[2]: entry for entry in archive.infolist()}
            _check(entries, archive, path)
            tensors = tensors_of(archive.read(entries["data.pkl"]), path)
        places = {key: _place(path, found) for key, found in entries.items() if key.startswith("data/")}
        return {
            name: entry(path, name, tensor, places.get(f"data/{tensor.storage.key}"))
            for name, tensor in tensors.items()
        }
    except RapidEmbedError:
        raise
    except _DAMAGE as error:
        raise IntegrityError(f"{path} is not a complete file of torch.save: {error}") from error


def _check(entries: dict[str, zipfile.ZipInfo], archive: zipfile.ZipFile, path: Path) -> None:
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries.values()):
        raise UnsupportedModelError(f"{path} is compressed, which torch.save does not do; refused.")
    if "data.pkl" not in entries or entries["data.pkl"].file_size > _LARGEST_PICKLE:
        raise UnsupportedModelError(f"{path} is not a file that torch.save writes.")
    if "byteorder" in entries and archive.read(entries["byteorder"]) != b"little":
        raise UnsupportedModelError(f"{path}: numbers must be stored little-endian.")


def _place(path: Path, stored: zipfile.ZipInfo) -> tuple[int, int]:
    """Begin and end of a storage's bytes."""
    with path.open("rb") as file:
        file.seek(stored.header_offset)
        header = file.read(_LOCAL_HEADER)
        name_length, extra_length = struct.unpack("<HH", header[26:30])
    start = stored.header_offset + _LOCAL_HEADER + name_length + extra_length
    return start, min(start + stored.file_size, path.stat().st_size)


def entry(path: Path, name: str, tensor: Tensor, place: tuple[int, int] | None) -> dict[str, Any]:
    """A tensor's row of the table; ``place`` is begin and end of its storage's bytes, None where it has none.

    Raises:
        IntegrityError: the bytes are not all there.
    """
    if place is None:
        raise IntegrityError(f"{path} has no data for the tensor {name!r}.")
    begin = place[0] + tensor.offset * tensor.storage.width
    end = begin + math.prod(tensor.shape) * tensor.storage.width
    if end > place[1]:
        raise IntegrityError(f"{path}: the data of the tensor {name!r} is cut short.")
    return {"dtype": tensor.storage.dtype, "shape": list(tensor.shape), "data_offsets": [begin, end]}


def tensors_of(program: bytes, path: Path) -> dict[str, Tensor]:
    """The dictionary that the pickle describes."""
    reader = _Reader()
    try:
        for opcode, argument, _ in pickletools.genops(program):
            reader.step(opcode.name, argument)
        (found,) = reader.stack
    except _RefusedError as error:
        raise UnsupportedModelError(f"{path} holds more than tensors: {error}; refused.") from error
    except (ValueError, IndexError, KeyError, TypeError) as error:
        raise IntegrityError(f"{path} holds no well-formed pickle: {error}") from error
    if not isinstance(found, dict) or not all(isinstance(tensor, Tensor) for tensor in found.values()):
        raise UnsupportedModelError(f"{path} holds something other than a dictionary of tensors; refused.")
    return found


class _RefusedError(Exception):
    """Something that tensors do not need."""


class _Reader:
    """What the opcodes read so far have left behind."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def step(self, opcode: str, argument: Any) -> None:
        """Follow one opcode."""
        if opcode not in _STEPS:
            raise _RefusedError(f"the pickle opcode {opcode}")
        _STEPS[opcode](self, argument)

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def remember(self, number: int) -> None:
        self.memo[number] = self.stack[-1]

    def recall(self, number: int) -> None:
        self.push(self.memo[number])

    def name(self, argument: str) -> None:
        if argument not in (_DICTIONARY, _TENSOR, *_STORAGES):
            raise _RefusedError(argument.replace(" ", "."))
        self.push(_Global(argument))

    def tuple_of(self, count: int) -> None:
        items = [self.stack.pop() for _ in range(count)]
        self.push(tuple(reversed(items)))

    def since_mark(self) -> list[Any]:
        items: list[Any] = []
        while (value := self.stack.pop()) is not _MARK:
            items.append(value)
        items.reverse()
        return items

    def store(self, items: list[Any]) -> None:
        target = self.stack[-1]
        keys = items[::2]
        if not isinstance(target, dict) or len(items) % 2 or not all(isinstance(key, str) for key in keys):
            raise _RefusedError("a dictionary whose keys are not texts")
        target.update(zip(keys, items[1::2], strict=True))

    def storage(self) -> None:
        kind, dtype, key, _, _, *view = self.stack.pop()  # before version 1.6 a view of another storage could follow
        if any(part is not None for part in view):
            raise _RefusedError("a view of another storage")
        if kind != "storage" or not isinstance(dtype, _Global) or dtype.name not in _STORAGES or not _is_name(key):
            raise _RefusedError(f"data of the kind {_told(kind)}")
        self.push(_Storage(*_STORAGES[dtype.name], key))

    def call(self) -> None:
        arguments, what = self.stack.pop(), self.stack.pop()
        if what == _Global(_DICTIONARY) and arguments == ():
            self.push({})
        elif what == _Global(_TENSOR):
            self.push(_tensor(*arguments[:4]))
        else:
            raise _RefusedError(f"a call of {_told(what)}")

    def attributes(self) -> None:
        # torch leaves the versions of modules on its dictionaries.
        self.stack.pop()
        if not isinstance(self.stack[-1], dict):
            raise _RefusedError("an object with attributes")


def _is_name(key: object) -> bool:
    return isinstance(key, str) and "/" not in key


def _told(value: object) -> str:
    """For messages; what holds other things could be endless, and is told by its type."""
    return repr(value)[:100] if isinstance(value, _Global | str | int) else type(value).__name__


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any) -> Tensor:
    numbers = (offset, *shape, *strides)
    if not isinstance(storage, _Storage) or not all(type(number) is int and number >= 0 for number in numbers):
        raise _RefusedError("a tensor without data")
    if any(
        size > 1 and stride != math.prod(shape[i + 1 :])
        for i, (size, stride) in enumerate(zip(shape, strides, strict=True))
    ):
        raise _RefusedError("a tensor whose numbers do not lie in order")
    return Tensor(storage, offset, tuple(shape))


def _ignore(reader: _Reader, argument: Any) -> None:
    """Nothing to do."""


_STEPS: dict[str, Callable[[_Reader, Any], None]] = {
    "PROTO": _ignore,
    "STOP": _ignore,
    "MARK": lambda reader, _: reader.push(_MARK),
    "EMPTY_DICT": lambda reader, _: reader.push({}),
    "EMPTY_TUPLE": lambda reader, _: reader.push(()),
    "NONE": lambda reader, _: reader.push(None),
    "NEWTRUE": lambda reader, _: reader.push(True),
    "NEWFALSE": lambda reader, _: reader.push(False),
    **dict.fromkeys(("BININT", "BININT1", "BININT2", "LONG1", "BINUNICODE"), _Reader.push),
    **dict.fromkeys(("BINPUT", "LONG_BINPUT"), _Reader.remember),
    **dict.fromkeys(("BINGET", "LONG_BINGET"), _Reader.recall),
    "GLOBAL": _Reader.name,
    "TUPLE": lambda reader, _: reader.push(tuple(reader.since_mark())),
    "TUPLE1": lambda reader, _: reader.tuple_of(1),
    "TUPLE2": lambda reader, _: reader.tuple_of(2),
    "TUPLE3": lambda reader, _: reader.tuple_of(3),
    "SETITEM": lambda reader, _: reader.store([reader.stack.pop(-2), reader.stack.pop()]),
    "SETITEMS": lambda reader, _: reader.store(reader.since_mark()),
    "BINPERSID": lambda reader, _: reader.storage(),
    "REDUCE": lambda reader, _: reader.call(),
    "BUILD": lambda reader, _: reader.attributes(),
}
