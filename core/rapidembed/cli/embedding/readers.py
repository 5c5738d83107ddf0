"""Texts and their ids out of files of every kind, one after the other."""

import csv
import io
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from rapidembed.cli.embedding.decoding import decoded
from rapidembed.cli.embedding.delimiters import NAMES, delimiter_of, header_of
from rapidembed.cli.embedding.sources import STDIN, Source

Id: TypeAlias = int | str

DEFAULT_COLUMN = "text"
_DEFAULT_ID = "id"
_LONGEST_FIELD = 2**31 - 1
_PARQUET_ROWS = 1024
_TABLES = ("csv", "tsv")
_OF_AN_ARRAY = " A file that is one array is read with --format json."


class Item(NamedTuple):
    """A text to embed, or the path of a picture, and what it is called in the output."""

    id: Id
    text: str


@dataclass(frozen=True, slots=True)
class Reading:
    """How records and lines become items.

    Attributes:
        column: field that holds the text; None: "text", or the only one of a table beside the id.
        id_column: field that holds the id; None: "id" where there is one, else the place in the file.
        missing: what happens to a record without a text: "error", "skip", or "empty" (it becomes "").
        skip_blank: leave out texts of nothing but white space.
        encoding: of text files.
        encoding_errors: "strict", or "replace" to put U+FFFD where bytes are no text.
        delimiter: name of what separates the columns of a table in text; None: what its header says.
    """

    column: str | None = None
    id_column: str | None = None
    missing: str = "error"
    skip_blank: bool = False
    encoding: str = "utf-8"
    encoding_errors: str = "strict"
    delimiter: str | None = None

    def read(self, source: Source, file: io.BufferedReader) -> Iterator[Item]:
        """The items of one file.

        Raises:
            ValueError: the file is not what it should be; names the file and the place.
        """
        if source.kind == "picture":  # decoded where it is embedded
            return iter([Item(source.name, str(source.path))])
        return self._parquet(source, file) if source.kind == "parquet" else self._decoded(source, file)

    def wants(self, item: Item) -> bool:
        """Whether an item is not left out for being blank."""
        return not self.skip_blank or not (item.text.isspace() or item.text == "")

    def _decoded(self, source: Source, file: io.BufferedReader) -> Iterator[Item]:
        # csv needs the line ends as they are, inside of quotes too.
        newline = "" if source.kind in _TABLES else None
        last: Item | None = None
        try:
            with decoded(source, file, self.encoding, self.encoding_errors, newline) as text:
                for item in self._from_text(source, text):
                    last = item
                    yield item
        except UnicodeDecodeError as error:
            place = f"after {last.id}" if last else "at its beginning"
            raise ValueError(
                f"{source.name}: bytes that are not {self.encoding} soon {place} ({error.reason}). "
                "Name the encoding with --encoding, or accept the loss with --encoding-errors replace."
            ) from error

    def _from_text(self, source: Source, text: io.TextIOWrapper) -> Iterator[Item]:
        if source.kind == "file":
            content = text.read()
            if content and not content.isspace():
                yield Item(source.name, content)
        elif source.kind == "lines":
            for number, line in enumerate(text, 1):
                yield Item(_place(source, number), line.removesuffix("\n"))
        elif source.kind == "jsonl":
            yield from self._json_lines(source, text)
        elif source.kind == "json":
            yield from self._json_array(source, text)
        else:
            yield from self._csv(source, text)

    def _json_lines(self, source: Source, lines: Iterable[str]) -> Iterator[Item]:
        for number, line in enumerate(lines, 1):
            if line.isspace():
                continue
            value = _parsed(line, f"{source.name}: line {number}", _OF_AN_ARRAY if line.startswith("[") else "")
            yield from self._value(source, number, value)

    def _json_array(self, source: Source, text: io.TextIOWrapper) -> Iterator[Item]:
        content = text.read()
        if not content.strip():
            return
        hint = " A file with a value on every line is read with --format jsonl."
        values = _parsed(content, f"{source.name}:", hint)
        if not isinstance(values, list):
            raise ValueError(
                f"{source.name}: expected an array of objects or strings, got {_shown(values)}. An array inside of it "
                "becomes lines with jq, which --format jsonl reads: jq -c '.NAME[]'"
            )
        for number, value in enumerate(values, 1):
            yield from self._value(source, number, value)

    def _value(self, source: Source, number: int, value: object) -> Iterator[Item]:
        if isinstance(value, str):
            yield Item(_place(source, number), value)
        elif isinstance(value, dict):
            yield from self._item(source, number, value, self.column or DEFAULT_COLUMN)
        else:
            array = _OF_AN_ARRAY if isinstance(value, list) else ""
            raise ValueError(f"{_where(source, number)}: expected an object or a string, got {_shown(value)}.{array}")

    def _csv(self, source: Source, text: io.TextIOWrapper) -> Iterator[Item]:
        csv.field_size_limit(_LONGEST_FIELD)
        header = header_of(text)
        rows = csv.reader(itertools.chain(header, text), delimiter=self._delimiter(source, header), strict=True)
        try:
            names = next(rows, None)
            if names is None:
                return
            column = self._check_columns(source, names)
            for number, row in enumerate(filter(None, rows), 1):
                if len(row) > len(names):
                    raise ValueError(
                        f"{source.name}: line {rows.line_num} has {len(row)} fields, the header {len(names)}."
                    )
                yield from self._item(source, number, dict(zip(names, row, strict=False)), column)
        except csv.Error as error:
            raise ValueError(f"{source.name}: line {rows.line_num}: {error}") from error

    def _delimiter(self, source: Source, header: Sequence[str]) -> str:
        if self.delimiter is not None:
            return NAMES[self.delimiter]
        try:
            return delimiter_of("".join(header), "tsv" if source.kind == "tsv" else "csv")
        except ValueError as error:
            raise ValueError(f"{source.name}: {error}") from error

    def _parquet(self, source: Source, file: io.BufferedReader) -> Iterator[Item]:
        parquet = import_parquet()
        if source.name == STDIN:
            raise ValueError("Parquet cannot be read from a pipe; name the file.")
        try:
            table = parquet.ParquetFile(file)
        except ValueError as error:  # of which pyarrow's own errors are kinds
            raise ValueError(f"{source.name}: not a Parquet file: {error}") from error
        names = table.schema_arrow.names
        text = self._check_columns(source, names)
        columns = [text, *(name for name in (self.id_column or _DEFAULT_ID,) if name in names and name != text)]
        number = 0
        for batch in table.iter_batches(batch_size=_PARQUET_ROWS, columns=columns):
            for record in batch.to_pylist():
                number += 1
                yield from self._item(source, number, record, text)

    def _check_columns(self, source: Source, names: Sequence[str]) -> str:
        """The column of the texts, once it is known that all columns asked for exist."""
        if self.id_column is not None and self.id_column not in names:
            raise ValueError(f"{source.name}: has no column {self.id_column!r} (--id-column); it has {_list(names)}.")
        column = self._column(names)
        if column not in names:
            raise ValueError(f"{source.name}: has no column {column!r}; --column names one of {_list(names)}.")
        for name in (column, self.id_column or _DEFAULT_ID):
            if names.count(name) > 1:
                raise ValueError(f"{source.name}: has {names.count(name)} columns {name!r}; rename all but one.")
        return column

    def _column(self, names: Sequence[str]) -> str:
        """The column of a table's texts: the one asked for, else the only one beside the id, else "text"."""
        others = [name for name in names if name != (self.id_column or _DEFAULT_ID)]
        return self.column or (others[0] if len(others) == 1 else DEFAULT_COLUMN)

    def _item(self, source: Source, number: int, record: Mapping[str, Any], column: str) -> Iterator[Item]:
        """The record's item; none where it has no text and such are skipped."""
        text = record.get(column)
        if text is None:
            if self.missing == "skip":
                return
            if self.missing == "error":
                raise ValueError(
                    f"{_where(source, number)}: no text in {column!r}; the record has {_list(record)}. --column names "
                    "another field; --missing skip or --missing empty goes on."
                )
            text = ""
        if not isinstance(text, str):
            raise ValueError(f"{_where(source, number)}: {column!r} must be a string, got {_shown(text)}.")
        yield Item(self._id(source, number, record), text)

    def _id(self, source: Source, number: int, record: Mapping[str, Any]) -> Id:
        name = self.id_column or _DEFAULT_ID
        if name not in record and self.id_column is None:
            return _place(source, number)
        value = record.get(name)
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValueError(f"{_where(source, number)}: {name!r} must be a string or integer, got {_shown(value)}.")
        return value


def import_parquet() -> Any:
    """``pyarrow.parquet``.

    Raises:
        ValueError: pyarrow is not installed; names the command that installs it.
    """
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise ValueError("Parquet needs pyarrow, which is not installed: pip install 'rapidembed[parquet]'") from error
    return pyarrow.parquet


def _parsed(text: str, where: str, hint: str) -> Any:
    """The value of a text in JSON."""
    try:
        return json.loads(text, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where} is not JSON: {error}.{hint}") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        twice = next(name for i, (name, _) in enumerate(pairs) if name in dict(pairs[:i]))
        raise ValueError(f"an object has two fields {twice!r}")
    return fields


def _place(source: Source, number: int) -> Id:
    return number if source.name == STDIN else f"{source.name}:{number}"


def _where(source: Source, number: int) -> str:
    unit = "line" if source.kind == "jsonl" else "record"
    return f"{source.name}: {unit} {number}"


def _list(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names)) or "none"


def _shown(value: object) -> str:
    """A value's kind, and the value if it is short; texts are nobody's business in a message."""
    kind = "null" if value is None else type(value).__name__
    return f"{kind} {value!r}" if isinstance(value, int | float) else kind
