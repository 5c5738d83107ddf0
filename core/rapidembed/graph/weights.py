"""Safetensors files as memory-mapped arrays: the operating system loads what is touched and shares it."""

import hashlib
import json
import mmap
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from rapidembed.errors import IntegrityError, UnsupportedModelError

_FLOATS = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}


class Weights:
    """The tensors of a checkpoint by name; files of extra modules are prefixed with their folder.

    Args:
        files: prefix -> safetensors file. The encoder's prefix is "".

    Raises:
        IntegrityError: a file is missing or damaged.
    """

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._entries: dict[str, tuple[Path, dict[str, Any]]] = {}
        self._files: list[mmap.mmap] = []
        self._bytes: dict[Path, NDArray[np.uint8]] = {}
        digest = hashlib.sha256()
        for prefix, path in files.items():
            header, start = _read_header(path)
            with path.open("rb") as file:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self._files.append(mapped)
            self._bytes[path] = np.frombuffer(mapped, dtype=np.uint8, offset=start)
            for name, entry in header.items():
                self._entries[prefix + name] = (path, entry)
            digest.update(prefix.encode() + json.dumps(header, sort_keys=True).encode())
        self.layout = digest.hexdigest()
        """sha256 over names, types, shapes and offsets: what a graph depends on, without reading a weight."""

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    @property
    def names(self) -> frozenset[str]:
        """Every tensor's name."""
        return frozenset(self._entries)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a tensor."""
        return tuple(self._entries[name][1]["shape"])

    def float32(self, name: str) -> NDArray[np.float32]:
        """A tensor as float32: a read-only view of the file where it is stored so, else a converted copy.

        Raises:
            UnsupportedModelError: it is stored in a type that is not a float of 16 or 32 bits.
        """
        path, entry = self._entries[name]
        if entry["dtype"] not in _FLOATS:
            raise UnsupportedModelError(
                f"{path}: tensor {name!r} has type {entry['dtype']}; known: {', '.join(_FLOATS)}."
            )
        begin, end = entry["data_offsets"]
        stored = self._bytes[path][begin:end].view(_FLOATS[entry["dtype"]]).reshape(entry["shape"])
        if entry["dtype"] == "BF16":  # the upper half of a float32
            stored = (stored.astype(np.uint32) << 16).view(np.float32)
        return np.asarray(stored, dtype=np.float32)

    def forget_pages(self) -> None:
        """Let the operating system take the files' pages back; reading one again loads it again."""
        if hasattr(mmap, "MADV_DONTNEED"):
            for mapped in self._files:
                mapped.madvise(mmap.MADV_DONTNEED)


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
