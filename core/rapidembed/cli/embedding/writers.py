"""Vectors into files: each writer appends rows to spools of the run, and makes its file of them at the end."""

import io
import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np

from rapidembed.cli.embedding.chunks import Chunk
from rapidembed.cli.embedding.encoder import Embedded
from rapidembed.cli.embedding.partial import Partial
from rapidembed.cli.embedding.readers import Id, import_parquet
from rapidembed.tasks.arrow.forms import Dense
from rapidembed.types import Vectors

_NPY_HEADER = 128
_ROW_GROUP = 10_000


class Writer(Protocol):
    """Takes chunks in order."""

    def start(self) -> None:
        """Open what is written to, at the length where an earlier process ended."""

    def write(self, chunk: Chunk, embedded: Embedded) -> None:
        """Append a chunk."""

    def finish(self) -> None:
        """Put the file in its place; may be called again by a later process."""


def vector_writer(partial: Partial, output: Path, dimensions: int, *, with_text: bool, notes: dict[str, str]) -> Writer:
    """The writer for a file of vectors, by its suffix.

    Args:
        partial: the run.
        output: the file to make.
        dimensions: width of the vectors.
        with_text: whether rows hold their text (not in .npy).
        notes: facts about the model for formats that have a place for them.

    Raises:
        ValueError: pyarrow is needed and missing.
    """
    suffix = output.suffix.lower()
    if suffix == ".npy":
        return NpyWriter(partial, output, dimensions)
    if suffix == ".parquet":
        return ParquetWriter(partial, output, dimensions, with_text=with_text, notes=notes)
    return JsonLinesWriter(partial, output, with_text=with_text)


def json_rows(chunk: Chunk, vectors: Vectors, *, with_text: bool) -> Iterator[str]:
    """One line per row; nine digits give every float32 back exactly."""
    for id_, text, vector in zip(chunk.ids, chunk.texts, vectors, strict=True):
        head = json.dumps({"id": id_, "text": text} if with_text else {"id": id_}, ensure_ascii=False)
        numbers = ", ".join(["%.9g" % number for number in vector.tolist()])  # noqa: UP031  # the fastest of them
        yield f'{head[:-1]}, "embedding": [{numbers}]}}\n'


class StreamWriter:
    """JSON Lines to stdout; what is written cannot be taken back, so such a run is not resumed."""

    def __init__(self, stream: IO[str], *, with_text: bool) -> None:
        self._stream = stream
        self._with_text = with_text

    def start(self) -> None:
        """Nothing is to be opened."""

    def write(self, chunk: Chunk, embedded: Embedded) -> None:
        """Write a chunk and pass it on at once."""
        self._stream.writelines(json_rows(chunk, embedded.vectors, with_text=self._with_text))
        self._stream.flush()

    def finish(self) -> None:
        """Nothing is left to do."""


class SpoolWriter:
    """A file that grows by what each chunk becomes, and is complete at the end."""

    def __init__(self, partial: Partial, output: Path, name: str) -> None:
        self._partial = partial
        self._output = output
        self._name = name

    def start(self) -> None:
        """Open the spool."""
        self._partial.spool(self._name)

    def write(self, chunk: Chunk, embedded: Embedded) -> None:
        """Append a chunk."""
        self._partial.spool(self._name).write(self._bytes(chunk, embedded))

    def finish(self) -> None:
        """Put the file in its place."""
        self._partial.place(self._name, self._output)

    def _bytes(self, chunk: Chunk, embedded: Embedded) -> bytes | memoryview:
        raise NotImplementedError


class JsonLinesWriter(SpoolWriter):
    """A JSON object per text: id, text if wanted, embedding."""

    def __init__(self, partial: Partial, output: Path, *, with_text: bool) -> None:
        super().__init__(partial, output, "rows.jsonl")
        self._with_text = with_text

    def _bytes(self, chunk: Chunk, embedded: Embedded) -> bytes:
        return _encode("".join(json_rows(chunk, embedded.vectors, with_text=self._with_text)))


class IdWriter(SpoolWriter):
    """Ids, one per line: those of all texts, or of those that were cut."""

    def __init__(self, partial: Partial, output: Path, *, truncated_only: bool) -> None:
        super().__init__(partial, output, "truncated.txt" if truncated_only else "ids.txt")
        self._truncated_only = truncated_only

    def _bytes(self, chunk: Chunk, embedded: Embedded) -> bytes:
        ids = [chunk.ids[index] for index in embedded.truncated] if self._truncated_only else chunk.ids
        return _encode("".join(f"{_one_line(id_)}\n" for id_ in ids))


class NpyWriter(SpoolWriter):
    """A numpy array, float32 (texts, dimensions), which never lies in memory as a whole."""

    def __init__(self, partial: Partial, output: Path, dimensions: int) -> None:
        super().__init__(partial, output, "vectors.npy")
        self._dimensions = dimensions

    def start(self) -> None:
        """Leave room for the header, which needs the number of rows."""
        spool = self._partial.spool(self._name)
        if spool.length == 0:
            spool.write(bytes(_NPY_HEADER))

    def finish(self) -> None:
        """Write the header and put the file in its place."""
        path = self._partial.folder / self._name
        if path.exists():
            with path.open("r+b") as file:
                file.write(_npy_header(self._partial.progress.texts, self._dimensions))
        super().finish()

    def _bytes(self, chunk: Chunk, embedded: Embedded) -> memoryview:
        return _little_endian(embedded.vectors)


class ParquetWriter:
    """Columns id, text if wanted, embedding.

    Parquet files cannot be appended to: rows are spooled, and the file is made of them at the end.
    """

    _VECTORS, _ROWS, _FILE = "vectors", "rows.jsonl", "file.parquet"

    def __init__(
        self, partial: Partial, output: Path, dimensions: int, *, with_text: bool, notes: dict[str, str]
    ) -> None:
        import_parquet()  # better now than after hours of work
        self._partial = partial
        self._output = output
        self._dimensions = dimensions
        self._with_text = with_text
        self._notes = notes

    def start(self) -> None:
        """Open the spools."""
        for name in (self._VECTORS, self._ROWS):
            self._partial.spool(name)

    def write(self, chunk: Chunk, embedded: Embedded) -> None:
        """Spool a chunk."""
        self._partial.spool(self._VECTORS).write(_little_endian(embedded.vectors))
        rows = zip(chunk.ids, chunk.texts, strict=True)
        lines = (json.dumps([id_, text] if self._with_text else [id_], ensure_ascii=False) + "\n" for id_, text in rows)
        self._partial.spool(self._ROWS).write(_encode("".join(lines)))

    def finish(self) -> None:
        """Make the file of the spools, and put it in its place."""
        vectors, rows = (self._partial.folder / name for name in (self._VECTORS, self._ROWS))
        if not vectors.exists():  # an earlier process came as far as deleting it
            return
        parquet = import_parquet()
        schema = self._schema(rows)
        path = self._partial.folder / self._FILE
        with (
            vectors.open("rb") as numbers,
            rows.open(encoding="utf-8") as lines,
            parquet.ParquetWriter(path, schema) as file,
        ):
            while table := self._row_group(schema, numbers, lines):
                file.write_table(table)
        self._partial.place(self._FILE, self._output)

    def _schema(self, rows: Path) -> Any:
        import pyarrow

        with rows.open(encoding="utf-8") as lines:
            integers = all(isinstance(json.loads(line)[0], int) for line in lines)
        fields = [pyarrow.field("id", pyarrow.int64() if integers else pyarrow.string())]
        if self._with_text:
            fields.append(pyarrow.field("text", pyarrow.string()))
        fields.append(pyarrow.field("embedding", Dense(self._dimensions).type))
        return pyarrow.schema(fields, metadata=self._notes)

    def _row_group(self, schema: Any, numbers: IO[bytes], lines: IO[str]) -> Any:
        import pyarrow

        rows = [json.loads(line) for line in itertools.islice(lines, _ROW_GROUP)]
        if not rows:
            return None
        flat = np.frombuffer(numbers.read(len(rows) * self._dimensions * 4), dtype="<f4")
        ids = [row[0] for row in rows]
        columns: list[Any] = [ids if schema.field("id").type == pyarrow.int64() else [str(id_) for id_ in ids]]
        if self._with_text:
            columns.append([row[1] for row in rows])
        arrays = [pyarrow.array(column, type=field.type) for column, field in zip(columns, schema, strict=False)]
        arrays.append(Dense(self._dimensions).of(flat))
        return pyarrow.Table.from_arrays(arrays, schema=schema)


def stdout() -> IO[str]:
    """Where rows go that are not written to a file.

    Raises:
        ValueError: it is closed.
    """
    if sys.stdout is None:
        raise ValueError("stdout is closed, so rows have nowhere to go; name a file with --output.")
    return sys.stdout


def _encode(text: str) -> bytes:
    # Ids and texts may hold half of a surrogate pair, which JSON files of careless programs do.
    return text.encode("utf-8", "replace")


def _one_line(id_: Id) -> Id:
    if isinstance(id_, str) and ("\n" in id_ or "\r" in id_):
        raise ValueError(f"The id {id_!r} holds a line break, so it is no line of a file of ids. Write .jsonl instead.")
    return id_


def _little_endian(vectors: Vectors) -> memoryview:
    return np.ascontiguousarray(vectors, dtype="<f4").data.cast("B")


def _npy_header(rows: int, dimensions: int) -> bytes:
    """A header of always the same length: numpy leaves room for the first axis to grow."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (rows, dimensions)})
    header = file.getvalue()
    if len(header) != _NPY_HEADER:
        raise RuntimeError(f"numpy wrote a header of {len(header)} bytes, expected {_NPY_HEADER}.")
    return header
