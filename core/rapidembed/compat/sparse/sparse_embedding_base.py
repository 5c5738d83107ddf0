"""A sparse vector, as fastembed has it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass
class SparseEmbedding:
    """A vector given by its non-zero entries; its arrays may be replaced."""

    values: NDArray[Any]
    """(entries,): float32 or float64, whichever fastembed gives; int64 for BM25's queries."""
    indices: NDArray[Any]
    """(entries,): int64, of miniCOIL int32."""

    def as_object(self) -> dict[str, NDArray[Any]]:
        """``{"values": ..., "indices": ...}``, the arrays themselves."""
        return {"values": self.values, "indices": self.indices}

    def as_dict(self) -> dict[int, float]:
        """Index -> value, in plain Python numbers."""
        return {int(index): float(value) for index, value in zip(self.indices, self.values, strict=False)}

    @classmethod
    def from_dict(cls, data: Mapping[int, float]) -> "SparseEmbedding":
        """The embedding whose :meth:`as_dict` is ``data``."""
        if not data:
            return cls(np.array([]), np.array([], np.int64))
        return cls(np.array([*data.values()]), np.array([*data.keys()]))
