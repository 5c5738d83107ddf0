"""Records of a JSON Lines or CSV file, with errors that name the file and the line."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_JSON_LINES = (".jsonl", ".ndjson")


def read_records(path: "str | Path") -> Iterator[tuple[str, dict[str, Any]]]:
    """Where each record stands, "FILE:LINE", and the record; blank lines are passed over.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is of another kind, or a line is no record.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix in _JSON_LINES:
        yield from _json_lines(path)
    elif suffix in _DELIMITERS:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, delimiter=_DELIMITERS[suffix])
            for record in reader:
                if None in record or None in record.values():
                    raise ValueError(f"{path}:{reader.line_num}: expected {len(reader.fieldnames or ())} columns.")
                yield f"{path}:{reader.line_num}", record
    else:
        raise ValueError(f"{path}: expected a file of {', '.join((*_JSON_LINES, *_DELIMITERS))}.")


def text_of(record: dict[str, Any], names: tuple[str, ...], where: str) -> str:
    """The text under the first of ``names`` that a record has.

    Raises:
        ValueError: there is none, or it is no text; names the line.
    """
    found = next((name for name in names if name in record), None)
    if found is None:
        raise ValueError(f"{where}: expected a field {' or '.join(names)}, got {', '.join(map(str, record))}.")
    if not isinstance(record[found], str):
        raise ValueError(f"{where}: {found} must be a text, got {type(record[found]).__name__}.")
    return str(record[found])


def texts_of(record: dict[str, Any], name: str, where: str) -> list[str]:
    """The list of texts under ``name``; none where the record has no such field."""
    texts = record.get(name) or []
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError(f"{where}: {name} must be a list of texts.")
    return texts


def _json_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except ValueError as error:
                raise ValueError(f"{path}:{number}: not JSON ({error}).") from error
            if not isinstance(record, dict):
                raise ValueError(f"{path}:{number}: expected an object, got {type(record).__name__}.")
            yield f"{path}:{number}", record
