"""Columns of Arrow data as the inputs of a call, a slice of them at a time."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from rapidembed.tasks.arrow.extra import pyarrow

T = TypeVar("T")


def column_of(data: Any, column: str | None) -> Any:
    """The column that is meant, as a pyarrow ``ChunkedArray``.

    Args:
        data: a pyarrow array or chunked array; a record batch or table; or an object of another library that has
            Arrow's C interface, such as a Series or a DataFrame of polars.
        column: its name in a batch or table, which may be left out where there is only one.

    Raises:
        TypeError: ``data`` is none of these, or a column of an array is asked for.
        ValueError: there is no such column, or several are called so.
    """
    arrow = pyarrow()
    if not isinstance(data, arrow.Array | arrow.ChunkedArray | arrow.RecordBatch | arrow.Table):
        data = _imported(arrow, data)
    if isinstance(data, arrow.ChunkedArray):
        _refuse_name(column, data)
        return data
    if isinstance(data, arrow.Array):
        _refuse_name(column, data)
        return arrow.chunked_array([data])
    names = data.schema.names
    wanted = names[0] if column is None and len(names) == 1 else column
    if wanted is None:
        raise ValueError(f"column must be one of {', '.join(map(repr, names))}.")
    if names.count(wanted) != 1:
        which = f"is the name of {names.count(wanted)} columns" if wanted in names else "is no column"
        raise ValueError(f"{wanted!r} {which}; data has {', '.join(map(repr, names))}.")
    found = data.column(wanted)
    return found if isinstance(found, arrow.ChunkedArray) else arrow.chunked_array([found])


def _imported(arrow: Any, data: Any) -> Any:
    if hasattr(data, "__arrow_c_stream__"):
        return arrow.table(data) if hasattr(data, "columns") else arrow.chunked_array(data)
    if hasattr(data, "__arrow_c_array__"):
        return arrow.array(data)
    raise TypeError(
        "data must be a pyarrow array, chunked array, record batch or table, or have Arrow's C interface; "
        f"got {type(data).__name__}. pyarrow.array(...) makes an array of a list."
    )


def _refuse_name(column: str | None, data: Any) -> None:
    if column is not None:
        raise TypeError(f"column={column!r} is for batches and tables; data is of the type {data.type}.")


class Column(Generic[T]):
    """Values of a column in its order; a null becomes a blank value, whose result nobody sees.

    So an index in an error is that of the row, and memory holds the objects of one slice.

    Args:
        column: a ``ChunkedArray``.

    Raises:
        TypeError: it holds something else.
    """

    _slice: ClassVar[int]
    _what: ClassVar[str]
    _blank: T

    def __init__(self, column: Any) -> None:
        self._column = column
        if not self._fits(_storage(column.type)):
            raise TypeError(f"data must be a column of {self._what}, got one of {column.type}.")

    def __len__(self) -> int:
        return len(self._column)

    def __iter__(self) -> Iterator[T]:
        for chunk in map(_plain, self._column.chunks):
            for start in range(0, len(chunk), self._slice):
                for value in self._values(chunk.slice(start, self._slice)):
                    yield self._blank if value is None else value

    @property
    def nulls(self) -> NDArray[np.bool_] | None:
        """Bool (rows,), True where there is no value; None where all have one."""
        missing = [np.asarray(_plain(chunk).is_null()) for chunk in self._column.chunks]
        nulls: NDArray[np.bool_] = np.concatenate(missing) if missing else np.zeros(0, dtype=np.bool_)
        return nulls if nulls.any() else None

    @abstractmethod
    def _fits(self, kind: Any) -> bool:
        """Whether values of that type can be read."""

    def _values(self, part: Any) -> Any:
        """The values of a slice, None for a null."""
        if pyarrow().types.is_null(part.type):
            return [None] * len(part)
        return part.to_numpy(zero_copy_only=False)


class Texts(Column[str]):
    """A column of strings, also as a dictionary."""

    _slice = 4096
    _what = "strings"
    _blank = ""

    def _fits(self, kind: Any) -> bool:
        return _is_any(kind, "string", "large_string", "string_view", "null")


class Pictures(Column[Any]):
    """A column of encoded pictures, of paths, of both (as ``datasets`` has them), or of arrays."""

    _slice = 64
    _what = "pictures: binary, string, a struct of bytes and path, or a tensor (height, width, 3) of uint8"
    _blank = np.zeros((1, 1, 3), dtype=np.uint8)

    def _fits(self, kind: Any) -> bool:
        if pyarrow().types.is_struct(kind):
            return {"bytes", "path"} <= {field.name for field in kind}
        return _is_tensor(kind) or _is_any(
            kind, "binary", "large_binary", "binary_view", "string", "large_string", "string_view", "null"
        )

    def _values(self, part: Any) -> Any:
        if hasattr(part, "to_numpy_ndarray"):
            return part.to_numpy_ndarray()
        if pyarrow().types.is_struct(part.type):
            return [row and (row["path"] if row["bytes"] is None else row["bytes"]) for row in part.to_pylist()]
        return Column._values(self, part)


def _is_any(kind: Any, *names: str) -> bool:
    # Older versions lack the tests of some types.
    types = pyarrow().types
    return any(getattr(types, f"is_{name}", lambda kind: False)(kind) for name in names)


def _is_tensor(kind: Any) -> bool:
    """Whether values are arrays: pyarrow's own tensors, and those that Ray brings."""
    return isinstance(kind, pyarrow().BaseExtensionType) and (hasattr(kind, "shape") or hasattr(kind, "ndim"))


def _storage(kind: Any) -> Any:
    """The type of the values, behind an extension type or a dictionary."""
    if isinstance(kind, pyarrow().BaseExtensionType) and not _is_tensor(kind):
        kind = kind.storage_type
    return kind.value_type if pyarrow().types.is_dictionary(kind) else kind


def _plain(chunk: Any) -> Any:
    """The same values without extension type and dictionary."""
    if isinstance(chunk.type, pyarrow().BaseExtensionType) and not _is_tensor(chunk.type):
        chunk = chunk.storage
    return chunk.dictionary_decode() if pyarrow().types.is_dictionary(chunk.type) else chunk
