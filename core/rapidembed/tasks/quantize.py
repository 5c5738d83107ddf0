"""Vectors in 8 bits or in 1 bit a number; names and values are those of sentence-transformers' quantize_embeddings."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from rapidembed.errors import IntegrityError
from rapidembed.runtime.inputs import check_positive
from rapidembed.tasks.unit import unit_rows
from rapidembed.types import Vectors

VectorPrecision: TypeAlias = Literal["float32", "int8", "uint8", "binary", "ubinary"]
"""What a vector's numbers become: themselves; 256 steps of each dimension's range, signed or not; their signs, eight to
a byte, signed or not."""
Codes: TypeAlias = NDArray[Any]
"""Vectors in one of these precisions."""

PRECISIONS: tuple[VectorPrecision, ...] = get_args(VectorPrecision)
_STEPS = 255
_HALF = 128
_FORMAT = "1"


@dataclass(frozen=True, slots=True, eq=False)
class Ranges:
    """The least and the largest value of each dimension, which 8 bits are spread over.

    Attributes:
        low: float32 (dimensions,).
        high: float32 (dimensions,).
    """

    low: Vectors
    high: Vectors

    @classmethod
    def of(cls, vectors: Vectors) -> "Ranges":
        """The ranges of vectors (vectors, dimensions), some thousands like those that are to be quantized.

        Raises:
            ValueError: there are fewer than two.
        """
        vectors = check_vectors("vectors", vectors)
        if len(vectors) < 2:
            raise ValueError(f"Ranges take at least two vectors, got {len(vectors)}; some thousands are better.")
        return cls(vectors.min(axis=0), vectors.max(axis=0))

    @property
    def steps(self) -> Vectors:
        """How much a step of each dimension is; 1 where all values are the same."""
        steps = (self.high - self.low) / np.float32(_STEPS)
        return np.where(steps == 0, np.float32(1), steps)

    def as_array(self) -> Vectors:
        """float32 (2, dimensions), as sentence-transformers takes them for ``ranges``."""
        return np.stack([self.low, self.high])

    def save(self, path: "str | Path") -> None:
        """Write them as a safetensors file: an index is worth nothing without the ranges that it was made with."""
        from safetensors.numpy import save

        tensors = {"low": np.ascontiguousarray(self.low), "high": np.ascontiguousarray(self.high)}
        Path(path).write_bytes(save(tensors, metadata={"rapidembed.ranges": _FORMAT}))

    @classmethod
    def load(cls, path: "str | Path") -> "Ranges":
        """Read a file that :meth:`save` wrote.

        Raises:
            FileNotFoundError: there is none.
            IntegrityError: it is something else, or damaged.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            tensors = load(Path(path).read_bytes())
        except SafetensorError as error:
            raise IntegrityError(f"{path} holds no ranges: it cannot be read as safetensors.") from error
        low, high = tensors.get("low"), tensors.get("high")
        if low is None or high is None or low.ndim != 1 or low.shape != high.shape or not (low <= high).all():
            raise IntegrityError(f"{path} holds no ranges: expected tensors low and high of one shape (dimensions,).")
        return cls(low.astype(np.float32), high.astype(np.float32))


def quantize(
    vectors: Vectors, precision: VectorPrecision, *, ranges: Ranges | None = None, dimensions: int | None = None
) -> Codes:
    """Vectors in fewer bytes.

    Values beyond the ranges become the ends of them.

    Example:
        >>> import numpy as np
        >>> from rapidembed.toolkit.vectors import quantize
        >>> quantize(np.array([[0.5, -0.2, 0.1, 0.3, -0.9, -0.1, 0.7, 0.2]]), "ubinary")
        array([[179]], dtype=uint8)

    Args:
        vectors: (vectors, dimensions), or one, (dimensions,).
        precision: "float32", "int8", "uint8", "binary" or "ubinary".
        ranges: for 8 bits: of vectors like these. None: of these themselves, which only suits a whole collection.
        dimensions: first keep only so many leading dimensions, scaled to length 1 (for Matryoshka-trained models).

    Returns:
        float32, int8 or uint8 (vectors, dimensions); of 1 bit int8 or uint8 (vectors, dimensions / 8, rounded up).

    Raises:
        ValueError: an argument is impossible, or shapes do not fit.
    """
    check_precision(precision)
    rows = check_vectors("vectors", np.atleast_2d(np.asarray(vectors)))
    if dimensions is not None:
        rows = cut(rows, dimensions)
    if precision in ("int8", "uint8"):
        ranges = Ranges.of(rows) if ranges is None else ranges
        if len(ranges.low) != rows.shape[1]:
            raise ValueError(f"ranges are of {len(ranges.low)} dimensions, the vectors of {rows.shape[1]}.")
    codes = _codes(rows, precision, ranges)
    return codes if np.ndim(vectors) == 2 else np.asarray(codes[0])


def _codes(rows: Vectors, precision: VectorPrecision, ranges: Ranges | None) -> Codes:
    if precision == "float32":
        return rows
    if precision in ("binary", "ubinary"):
        bits: Codes = np.packbits(rows > 0, axis=1)
        return bits if precision == "ubinary" else (bits.astype(np.int16) - _HALF).astype(np.int8)
    if ranges is None:
        raise ValueError(f"{precision} takes ranges.")
    steps = np.clip(np.floor((rows - ranges.low) / ranges.steps), 0, _STEPS)
    codes: Codes = steps.astype(np.uint8) if precision == "uint8" else (steps - _HALF).astype(np.int8)
    return codes


def restore(
    codes: Codes, precision: VectorPrecision, *, ranges: Ranges | None = None, dimensions: int | None = None
) -> Vectors:
    """Vectors near those that were quantized: the middle of each step; of signs 1 and -1.

    Args:
        codes: (vectors, ...), as :func:`quantize` gave them.
        precision: that they are in.
        ranges: that they were made with; for 8 bits.
        dimensions: of the vectors; for 1 bit. None: eight for every byte.
    """
    check_precision(precision)
    if precision == "float32":
        return np.asarray(codes, dtype=np.float32)
    if precision in ("binary", "ubinary"):
        bits = np.unpackbits(as_bits(codes), axis=-1, count=dimensions)
        return bits.astype(np.float32) * 2 - 1
    if ranges is None:
        raise ValueError(f"{precision} vectors are restored by the ranges that they were made with; give ranges.")
    middle = np.float32(0.5 + (_HALF if precision == "int8" else 0))
    return (codes.astype(np.float32) + middle) * ranges.steps + ranges.low


def as_bits(codes: Codes) -> NDArray[np.uint8]:
    """Codes of 1 bit, signed or not, as packed bits."""
    return codes if codes.dtype == np.uint8 else (codes.astype(np.int16) + _HALF).astype(np.uint8)


def cut(vectors: Vectors, dimensions: int) -> Vectors:
    """So many leading dimensions of vectors, scaled to length 1.

    Raises:
        ValueError: they have fewer.
    """
    if check_positive("dimensions", dimensions) > vectors.shape[1]:
        raise ValueError(f"dimensions must be at most {vectors.shape[1]}, got {dimensions}.")
    return unit_rows(vectors[:, :dimensions])


def check_precision(precision: str) -> None:
    """Raise a ValueError unless it is one of vectors."""
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}.")


def check_vectors(name: str, vectors: Any) -> Vectors:
    """float32 (vectors, dimensions).

    Raises:
        ValueError: the shape is another, the numbers are quantized already, or one is NaN or infinity.
    """
    array = np.asarray(vectors)
    if array.ndim != 2 or array.shape[1] == 0:
        raise ValueError(f"{name} must be an array (vectors, dimensions), got one of shape {array.shape}.")
    if not np.issubdtype(array.dtype, np.floating):
        raise ValueError(f"{name} must be floating-point numbers, got {array.dtype}.")
    array = array.astype(np.float32, copy=False)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} hold NaN or infinity.")
    return array
