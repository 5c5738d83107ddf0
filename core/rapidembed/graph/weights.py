"""Files of weights: where each tensor lies, and its values as memory-mapped arrays."""

import hashlib
import json
import mmap
import os
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from rapidembed.errors import IntegrityError, UnsupportedModelError

_TORCH_SUFFIXES = (".pt", ".bin")
_FLOATS = {"F32": "<f4", "F16": "<f2", "BF16": "<u2", "F64": "<f8"}
_STORED = _FLOATS | {"I8": "<i1", "I32": "<i4", "I64": "<i8"}


@dataclass(frozen=True, slots=True)
class Location:
    """Where a tensor's bytes lie."""

    file: str
    """Relative to the folder of the weights."""
    offset: int
    length: int


class Weights:
    """The tensors of a checkpoint by name; files of extra modules are prefixed with their folder.

    Args:
        files: safetensors files, or files of torch.save (``.pt``, ``.bin``), each with what to put before its tensors'
            names: "" for the encoder's.

    Raises:
        IntegrityError: a file is missing or damaged, or two hold a tensor of the same name.
    """

    def __init__(self, files: Sequence[tuple[str, Path]]) -> None:
        # The hub's cache links to files elsewhere; ONNX Runtime opens only what really lies in the folder it is given.
        paths = [(prefix, path.resolve()) for prefix, path in files]
        self.folder = Path(os.path.commonpath([path.parent for _, path in paths]))
        """Folder that holds all the files."""
        self._entries: dict[str, tuple[Path, int, dict[str, Any]]] = {}
        self._bytes: dict[Path, NDArray[np.uint8]] = {}
        self._maps: dict[Path, mmap.mmap] = {}
        digest = hashlib.sha256()
        for prefix, path in paths:
            header, start = _read_torch_header(path) if path.suffix in _TORCH_SUFFIXES else _read_header(path)
            # Nothing is written, but runtimes share only memory that could be: "c" would keep changes to itself.
            with path.open("rb") as file:
                self._maps[path] = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
            self._bytes[path] = np.frombuffer(self._maps[path], dtype=np.uint8)
            for name, entry in header.items():
                if prefix + name in self._entries:
                    raise IntegrityError(f"{path} holds {name!r}, which {self._entries[prefix + name][0]} holds too.")
                self._entries[prefix + name] = (path, start, entry)
            digest.update(json.dumps([prefix, self._relative(path), start, header], sort_keys=True).encode())
        self.layout = digest.hexdigest()
        """sha256 over file names, tensor names, types, shapes and offsets: all that a graph takes from the weights."""

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    @property
    def names(self) -> frozenset[str]:
        """Every tensor's name."""
        return frozenset(self._entries)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a tensor."""
        return tuple(self._entries[name][2]["shape"])

    def location(self, name: str) -> Location | None:
        """Where a tensor lies, if it is stored as float32; None where it must be converted first."""
        path, start, entry = self._entries[name]
        if entry["dtype"] != "F32":
            return None
        begin, end = entry["data_offsets"]
        return Location(self._relative(path), start + begin, end - begin)

    def float32(self, name: str) -> NDArray[np.float32]:
        """A tensor as float32: a read-only view of the file where it is stored so, else a converted copy.

        Raises:
            UnsupportedModelError: it is stored in a type that is not a float of 16 to 64 bits.
        """
        stored = self._view(name, _FLOATS)
        if self._entries[name][2]["dtype"] == "BF16":  # the upper half of a float32
            stored = (stored.astype(np.uint32) << 16).view(np.float32)
        return np.asarray(stored, dtype=np.float32)

    def stored(self, name: str) -> NDArray[Any]:
        """A tensor as it is stored: a read-only view of the file. Only bfloat16, which numpy lacks, becomes float32.

        Raises:
            UnsupportedModelError: it is stored in a type that is not known here.
        """
        return self.float32(name) if self._entries[name][2]["dtype"] == "BF16" else self._view(name, _STORED)

    def release(self, name: str) -> None:
        """Take a tensor's pages out of memory, where the system can; whoever reads it again gets them from the file."""
        path, start, entry = self._entries[name]
        if hasattr(mmap, "MADV_DONTNEED"):
            begin, end = (start + offset for offset in entry["data_offsets"])
            first = begin // mmap.PAGESIZE * mmap.PAGESIZE
            self._maps[path].madvise(mmap.MADV_DONTNEED, first, end - first)

    def _view(self, name: str, known: Mapping[str, str]) -> NDArray[Any]:
        path, start, entry = self._entries[name]
        if entry["dtype"] not in known:
            raise UnsupportedModelError(
                f"{path}: tensor {name!r} has type {entry['dtype']}; known: {', '.join(known)}."
            )
        begin, end = entry["data_offsets"]
        tensor = self._bytes[path][start + begin : start + end].view(known[entry["dtype"]]).reshape(entry["shape"])
        tensor.flags.writeable = False
        return tensor

    def _relative(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()


def _read_torch_header(path: Path) -> tuple[dict[str, Any], int]:
    from rapidembed.graph.numbers.torch_file import read_torch_header  # few models have one
    from rapidembed.graph.numbers.torch_legacy import is_legacy, read_legacy_header

    if not path.is_file():
        raise IntegrityError(f"{path} does not exist.")
    return read_legacy_header(path) if is_legacy(path) else read_torch_header(path), 0


def _read_header(path: Path) -> tuple[dict[str, Any], int]:
    """The tensor table and where the data begins; safetensors itself checks the file first."""
    try:
        with safe_open(path, framework="numpy"):
            pass
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(length))
    except FileNotFoundError as error:
        raise IntegrityError(f"{path} does not exist.") from error
    except (SafetensorError, OSError, ValueError) as error:
        raise IntegrityError(
            f"{path} is not a complete safetensors file ({error}). Delete it and fetch the model again."
        ) from error
    header.pop("__metadata__", None)
    return header, 8 + length
