"""Which files are read, and as what."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Literal, TypeAlias

from rapidembed.cli import console

Kind: TypeAlias = Literal["lines", "file", "jsonl", "json", "csv", "tsv", "parquet", "picture"]

STDIN = "-"
RECORDS: dict[str, Kind] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
}
PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".jp2", ".ppm", ".ico")
TEXTS = (".txt", ".text", ".md", ".markdown", ".rst", ".adoc", ".org", ".tex", ".log", ".html", ".htm", ".xml")


@dataclass(frozen=True, slots=True)
class Source:
    """One file, or stdin, and how its texts are found; a picture is one input, of which only the path is read."""

    name: str
    """As the user would write it; it begins the ids of its texts."""
    path: Path | None
    """None: stdin."""
    kind: Kind

    @property
    def bytes(self) -> int | None:
        """Size of the file; None where it is not known."""
        return self.path.stat().st_size if self.path and self.path.is_file() else None


@dataclass(frozen=True, slots=True)
class Selection:
    """What the user says about files.

    Attributes:
        format: "auto" goes by the file's suffix; "text" and the others are meant for every file.
        per: whether a line or a file of text is one text; "auto": a line of a file that is named, a file in a folder.
        patterns: names of the files to take from folders; none: those whose suffix says that they hold texts.
    """

    format: str = "auto"
    per: str = "auto"
    patterns: tuple[str, ...] = ()


def find_sources(inputs: Sequence[str], selection: Selection, ignore: frozenset[Path] = frozenset()) -> list[Source]:
    """The files that are meant, in the order given, those of a folder by name.

    Args:
        inputs: files, folders, and "-" for stdin.
        selection: what the user says about them.
        ignore: files and folders that this run writes, which must not be read from a folder.

    Raises:
        FileNotFoundError: an input does not exist.
        ValueError: a folder holds nothing to read, or stdin is named twice.
    """
    if inputs.count(STDIN) > 1:
        raise ValueError("stdin (-) can be read once only.")
    sources: list[Source] = []
    for name in inputs:
        path = Path(name)
        if name == STDIN:
            sources.append(Source(STDIN, None, _kind(PurePath(), selection, "lines")))
        elif path.is_dir():
            sources.extend(_in_folder(path, selection, ignore))
        elif path.exists():
            sources.append(Source(name, path, _kind(path, selection, "lines")))
        else:
            raise FileNotFoundError(f"{name}: no such file or folder.")
    return sources


def _kind(path: PurePath, selection: Selection, per: Literal["lines", "file"]) -> Kind:
    if selection.format == "auto":
        if record := RECORDS.get(_suffix(path)):
            return record
        if _suffix(path) in PICTURES:
            return "picture"
    elif selection.format == "picture":
        return "picture"
    elif selection.format != "text":
        return next(kind for kind in RECORDS.values() if kind == selection.format)
    return {"line": "lines", "file": "file"}.get(selection.per, per)  # type: ignore[return-value]


def _in_folder(folder: Path, selection: Selection, ignore: frozenset[Path]) -> list[Source]:
    sources, passed = [], Counter[str]()
    files = _walk(folder, ignore)
    if selection.format == "auto" and not selection.patterns and not any(_is_wanted(path, selection) for path in files):
        selection = replace(selection, format="picture")  # a folder of pictures, if it is one of anything
    for path in files:
        if _is_wanted(path.relative_to(folder), selection):
            sources.append(Source(path.as_posix(), path, _kind(path, selection, "file")))
        else:
            passed[path.suffix or path.name] += 1
    if not sources:
        wanted = ", ".join(selection.patterns or (*TEXTS, *RECORDS, *PICTURES))
        raise ValueError(f"{folder}: holds no file to read (looked for {wanted}). --glob names others.")
    if passed and not selection.patterns:
        what = "pictures" if selection.format == "picture" else "text"
        kinds = ", ".join(f"{count} {suffix}" for suffix, count in passed.most_common(5))
        console.warn(f"{folder}: passed over {passed.total():,} files that are not known as {what} ({kinds}).")
    return sources


def _is_wanted(path: PurePath, selection: Selection) -> bool:
    if selection.patterns:
        return any(path.match(pattern) for pattern in selection.patterns)
    if selection.format == "picture":
        return _suffix(path) in PICTURES
    # In a folder .json is some program's settings as often as it is records.
    return _suffix(path) in TEXTS or (_suffix(path) in RECORDS and RECORDS[_suffix(path)] != "json")


def _suffix(path: PurePath) -> str:
    """What the name says of the content, compressed or not."""
    return PurePath(path.stem if path.suffix.lower() == ".gz" else path.name).suffix.lower()


def _walk(folder: Path, ignore: frozenset[Path]) -> list[Path]:
    """Files below a folder, sorted; hidden ones and those of this run are left out."""
    found = []
    for root, folders, files in os.walk(folder, onerror=_fail):
        here = Path(root)
        folders[:] = [name for name in folders if _is_input(here / name, ignore)]
        found += [here / name for name in files if _is_input(here / name, ignore)]
    return sorted(found, key=lambda path: path.parts)


def _is_input(path: Path, ignore: frozenset[Path]) -> bool:
    return not path.name.startswith(".") and path.absolute() not in ignore


def _fail(error: OSError) -> None:
    raise error
