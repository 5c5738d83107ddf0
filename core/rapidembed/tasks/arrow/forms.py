"""Results as Arrow arrays: one form for each kind of result, which knows its type before there is any."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from rapidembed.tasks.arrow.extra import pyarrow
from rapidembed.tasks.arrow.packing import FLOAT32, Packing
from rapidembed.tasks.results import HybridEmbedding
from rapidembed.types import SparseEmbedding, Vectors

Nulls = NDArray[np.bool_] | None
W = TypeVar("W")
W_contra = TypeVar("W_contra", contravariant=True)


class Form(Generic[W_contra]):
    """Makes an array of the windows of a call. Arrays are built of numpy's memory, without a copy."""

    @property
    @abstractmethod
    def type(self) -> Any:
        """The array's ``DataType``."""

    @abstractmethod
    def build(self, windows: Iterable[W_contra], count: int, nulls: Nulls) -> Any:
        """The array.

        Args:
            windows: results in order, blank ones for nulls.
            count: how many.
            nulls: bool (count,), True for rows that become null.
        """


@dataclass(frozen=True, slots=True)
class Dense(Form[Vectors]):
    """A vector a row: a list of fixed size."""

    dimensions: int
    packing: Packing = FLOAT32

    @property
    def type(self) -> Any:
        """``FixedSizeList<number>[width]``."""
        arrow = pyarrow()
        return arrow.list_(arrow.from_numpy_dtype(self.packing.numbers), self.packing.width(self.dimensions))

    def build(self, windows: Iterable[Vectors], count: int, nulls: Nulls) -> Any:
        """See :class:`Form`; memory holds the array and the windows that are at work."""
        self.packing.check_ranges(self.dimensions)
        rows = np.empty((count, self.packing.width(self.dimensions)), dtype=self.packing.numbers)
        filled = 0
        for window in windows:
            rows[filled : filled + len(window)] = self.packing(window)
            filled += len(window)
        if nulls is not None:
            rows[nulls] = 0
        return self.of(rows, nulls)

    def of(self, rows: NDArray[Any], nulls: Nulls = None) -> Any:
        """Rows (vectors, width) as they are."""
        arrow = pyarrow()
        return arrow.FixedSizeListArray.from_arrays(arrow.array(rows.reshape(-1)), type=self.type, mask=_mask(nulls))


@dataclass(frozen=True, slots=True)
class TokenVectors(Form[Sequence[Vectors]]):
    """Vectors of a row's tokens: a list of lists of fixed size."""

    dimensions: int
    packing: Packing = FLOAT32

    @property
    def type(self) -> Any:
        """``List<FixedSizeList<number>[width]>``."""
        return pyarrow().list_(Dense(self.dimensions, self.packing).type)

    def build(self, windows: Iterable[Sequence[Vectors]], count: int, nulls: Nulls) -> Any:
        """See :class:`Form`."""
        self.packing.check_ranges(self.dimensions)
        lengths: list[int] = []
        parts = [np.empty((0, self.packing.width(self.dimensions)), dtype=self.packing.numbers)]
        for window in windows:
            kept = _without_nulls(window, len(lengths), nulls, np.empty((0, self.dimensions), dtype=np.float32))
            lengths += map(len, kept)
            parts.append(self.packing(np.concatenate(kept)))
        values = Dense(self.dimensions, self.packing).of(np.concatenate(parts))
        return pyarrow().ListArray.from_arrays(_offsets(lengths), values, type=self.type, mask=_mask(nulls))


@dataclass(frozen=True, slots=True)
class Sparse(Form[Sequence[SparseEmbedding]]):
    """Indices and values of a row."""

    @property
    def type(self) -> Any:
        """``Struct<indices: List<int64>, values: List<float32>>``."""
        arrow = pyarrow()
        return arrow.struct({"indices": arrow.list_(arrow.int64()), "values": arrow.list_(arrow.float32())})

    def build(self, windows: Iterable[Sequence[SparseEmbedding]], count: int, nulls: Nulls) -> Any:
        """See :class:`Form`."""
        nothing = SparseEmbedding(np.empty(0, dtype=np.float32), np.empty(0, dtype=np.int64))
        lengths: list[int] = []
        indices, values = [nothing.indices], [nothing.values]
        for window in windows:
            kept = _without_nulls(window, len(lengths), nulls, nothing)
            lengths += map(len, kept)
            indices.append(np.concatenate([each.indices for each in kept]))
            values.append(np.concatenate([each.values for each in kept]))
        arrow, offsets = pyarrow(), _offsets(lengths)
        lists = [arrow.ListArray.from_arrays(offsets, np.concatenate(parts)) for parts in (indices, values)]
        return _struct(lists, self.type, nulls)


@dataclass(frozen=True, slots=True)
class Hybrid(Form[Sequence[HybridEmbedding]]):
    """All kinds of vectors of a row."""

    dimensions: int
    packing: Packing = FLOAT32

    @property
    def _parts(self) -> dict[str, Form[Any]]:
        return {
            "dense": Dense(self.dimensions, self.packing),
            "sparse": Sparse(),
            "token_vectors": TokenVectors(self.dimensions, self.packing),
        }

    @property
    def type(self) -> Any:
        """A struct of the three forms."""
        return pyarrow().struct({name: form.type for name, form in self._parts.items()})

    def build(self, windows: Iterable[Sequence[HybridEmbedding]], count: int, nulls: Nulls) -> Any:
        """See :class:`Form`."""
        results = [result for window in windows for result in window]
        dense = np.array([result.dense for result in results], dtype=np.float32).reshape(-1, self.dimensions)
        columns = {
            "dense": dense,
            "sparse": [result.sparse for result in results],
            "token_vectors": [result.token_vectors for result in results],
        }
        arrays = [form.build([columns[name]] if results else [], count, nulls) for name, form in self._parts.items()]
        return _struct(arrays, self.type, nulls)


@dataclass(frozen=True, slots=True)
class Scores(Form[Vectors]):
    """A number a row."""

    @property
    def type(self) -> Any:
        """float32."""
        return pyarrow().float32()

    def build(self, windows: Iterable[Vectors], count: int, nulls: Nulls) -> Any:
        """See :class:`Form`."""
        return pyarrow().array(np.concatenate([np.empty(0, dtype=np.float32), *windows]), mask=nulls)


def _mask(nulls: Nulls) -> Any:
    return None if nulls is None else pyarrow().array(nulls)


def _offsets(lengths: Sequence[int]) -> Any:
    # An overflow, beyond 2^31 numbers in one array, is pyarrow's own error.
    return pyarrow().array(np.cumsum([0, *lengths], dtype=np.int64)).cast("int32")


def _without_nulls(window: Sequence[W], start: int, nulls: Nulls, nothing: W) -> Sequence[W]:
    """The window that begins at ``start``, with nothing in the place of what becomes null."""
    if nulls is None:
        return window
    return [nothing if null else result for result, null in zip(window, nulls[start:], strict=False)]


def _struct(arrays: Sequence[Any], kind: Any, nulls: Nulls) -> Any:
    return pyarrow().StructArray.from_arrays(arrays, fields=list(kind), mask=_mask(nulls))
