"""Small value types that the public surface is written in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Vectors: TypeAlias = NDArray[np.float32]
"""float32 array: ``(dimensions,)`` for one text, ``(texts, dimensions)`` for several."""

Precision: TypeAlias = Literal["fp32", "int8", "bf16"]
"""Numbers that a model computes with."""

ProviderSpec: TypeAlias = str | tuple[str, Mapping[str, Any]]
"""An ONNX Runtime execution provider: its name, or its name and options."""

Providers: TypeAlias = Sequence[ProviderSpec]


class Device(StrEnum):
    """Where a model runs; the names are fastembed's."""

    __module__ = "rapidembed"

    CPU = "cpu"
    CUDA = "cuda"
    AUTO = "auto"


@dataclass(frozen=True, slots=True, eq=False)
class SparseEmbedding:
    """A vector given by its non-zero entries.

    Two are equal when they hold the same numbers at the same indices in the same order.
    """

    __module__ = "rapidembed"

    values: NDArray[np.float32]
    """float32 (entries,)."""
    indices: NDArray[np.int64]
    """int64 (entries,): which dimension each value belongs to, none twice."""

    def as_object(self) -> dict[str, NDArray[Any]]:
        """``{"values": ..., "indices": ...}``, the arrays themselves."""
        return {"values": self.values, "indices": self.indices}

    def as_dict(self) -> dict[int, float]:
        """Index -> value, in plain Python numbers."""
        return dict(zip(self.indices.tolist(), self.values.tolist(), strict=True))

    @classmethod
    def from_dict(cls, data: Mapping[int, float]) -> "SparseEmbedding":
        """The embedding whose :meth:`as_dict` is ``data`` (in float32)."""
        count = len(data)
        return cls(np.fromiter(data.values(), np.float32, count), np.fromiter(data.keys(), np.int64, count))

    def __len__(self) -> int:
        return len(self.indices)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SparseEmbedding):
            return NotImplemented
        return np.array_equal(self.indices, other.indices) and np.array_equal(self.values, other.values)

    __hash__ = None  # type: ignore[assignment]  # it holds arrays
