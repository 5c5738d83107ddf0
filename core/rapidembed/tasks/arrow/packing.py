"""How many bytes a number of a vector takes in a column."""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from rapidembed.tasks.quantize import Ranges, quantize
from rapidembed.types import Vectors

VectorType: TypeAlias = Literal["float32", "float16", "int8", "uint8", "binary", "ubinary"]
"""What a vector's numbers become; all but float16 as :func:`rapidembed.toolkit.vectors.quantize` makes them."""

_NUMBERS = {
    "float32": np.float32,
    "float16": np.float16,
    "int8": np.int8,
    "uint8": np.uint8,
    "binary": np.int8,
    "ubinary": np.uint8,
}
_BITS = ("binary", "ubinary")


@dataclass(frozen=True, slots=True)
class Packing:
    """Makes columns' numbers of float32; checked when it is made.

    Attributes:
        dtype: see :data:`VectorType`.
        ranges: for 8 bits.
    """

    dtype: VectorType = "float32"
    ranges: Ranges | None = None

    def __post_init__(self) -> None:
        if self.dtype not in get_args(VectorType):
            raise ValueError(f"dtype must be one of {', '.join(get_args(VectorType))}, got {self.dtype!r}.")

    def check_ranges(self, dimensions: int) -> None:
        """Raise a ValueError where vectors of 8 bits have no ranges, or those of others."""
        if self.dtype not in ("int8", "uint8"):
            return
        if not isinstance(self.ranges, Ranges):
            raise ValueError(
                f'dtype="{self.dtype}" needs ranges=Ranges.of(vectors) of some thousands of vectors like these '
                "(rapidembed.toolkit.vectors): numbers of columns that are made by themselves must mean the same."
            )
        if len(self.ranges.low) != dimensions:
            raise ValueError(f"ranges are of {len(self.ranges.low)} dimensions, the vectors of {dimensions}.")

    @property
    def numbers(self) -> Any:
        """Their type, as numpy has it."""
        return _NUMBERS[self.dtype]

    def width(self, dimensions: int) -> int:
        """Numbers in a vector: of 1 bit eight dimensions share one."""
        return -(-dimensions // 8) if self.dtype in _BITS else dimensions

    def __call__(self, vectors: Vectors) -> NDArray[Any]:
        """(vectors, dimensions) -> (vectors, width)."""
        if self.dtype == "float16":
            return vectors.astype(np.float16)
        return vectors if self.dtype == "float32" else quantize(vectors, self.dtype, ranges=self.ranges)


FLOAT32 = Packing()
