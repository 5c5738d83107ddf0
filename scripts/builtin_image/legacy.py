"""Tensors in the files that ``torch.save`` wrote before version 1.6: five pickles, then the numbers.

Pickles are programs. This one may name the few things that a dictionary of tensors needs, and nothing else.
"""

import pickle
import struct
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

_MAGIC = 0x1950A86A20F9469CFC6C
_TYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class _Tensor(NamedTuple):
    key: str
    type: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _rebuild(storage: tuple[str, str], offset: int, shape: Any, strides: Any, *_: Any) -> _Tensor:
    key, kind = storage
    return _Tensor(key, kind, offset, tuple(shape), tuple(strides))


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild
        if module == "torch" and name in _TYPES:
            return name
        raise pickle.UnpicklingError(f"the file names {module}.{name}; refused")

    def persistent_load(self, storage: Any) -> tuple[str, str]:
        _, kind, key, *_ = storage
        return key, kind


def read(path: Path) -> dict[str, np.ndarray]:
    """Every tensor of a state dict, by name."""
    with path.open("rb") as file:
        magic, _, _, tensors, keys = (_Reader(file).load() for _ in range(5))
        if magic != _MAGIC:
            raise ValueError(f"{path} is not of torch.save before version 1.6")
        kinds = {tensor.key: _TYPES[tensor.type] for tensor in tensors.values()}
        storages = {key: _numbers(file, kinds[key]) for key in keys}
    return {name: _array(tensor, storages[tensor.key]) for name, tensor in tensors.items()}


def _numbers(file: BinaryIO, kind: np.dtype) -> np.ndarray:
    (count,) = struct.unpack("<q", file.read(8))
    return np.frombuffer(file.read(count * kind.itemsize), dtype=kind)


def _array(tensor: _Tensor, numbers: np.ndarray) -> np.ndarray:
    strides = [stride * numbers.itemsize for stride in tensor.strides]
    return np.lib.stride_tricks.as_strided(numbers[tensor.offset :], tensor.shape, strides).copy()
