"""The file of results: entries, each with its own date, machine and versions, so that a later run replaces only some.

``{"entries": {"SHAPE/WORKLOAD": {...}, "static": {...}}}``. Every entry holds what it was measured on, who was skipped
and what failed. Of a bulk workload it holds ``runs``: by engine and batch size, texts, tokens and operations of a
measurement, its seconds in each round (null: not in that one), the largest share of the machine that others took, and
peak memory; ``cosine`` to the reference, or ``difference`` from ours where models have a head; ``computes``, precisions
that engines chose by themselves; ``gemm``, the roofs.
Of lone queries ``latency_ms``, of cold starts ``cold_s``. ``summary`` is made of these by :mod:`benchmarks.summary`.
"""

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.paths import RESULTS
from benchmarks.summary import summarize
from benchmarks.tables import Table, render

Entries = dict[str, dict[str, Any]]


NAME = "epyc-2-cores"
"""Of the results that are published."""


def path(name: str, suffix: str = ".json") -> Path:
    return RESULTS / f"{name}{suffix}"


def read(name: str) -> Entries:
    """The entries of a run, none if there was none.

    Raises:
        SystemExit: the file is of another kind.

    """
    if not path(name).exists():
        return {}
    content = json.loads(path(name).read_text(encoding="utf-8"))
    if "entries" not in content:
        raise SystemExit(f"benchmarks/results/{name}.json was written by another version: choose another --name.")
    entries: Entries = content["entries"]
    return entries


def merge(entries: Entries, key: str, entry: dict[str, Any], order: list[str]) -> Entries:
    """``entries`` with one replaced or added, in the order given; unknown ones come last."""
    merged = entries | {key: entry | {"summary": summarize(entry)}}
    known = [name for name in order if name in merged]
    return {name: merged[name] for name in (*known, *(name for name in merged if name not in order))}


def write(name: str, content: str, page: str | None = None) -> None:
    """Write NAME.json, and NAME.md if there is a page."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path(name).write_text(content, encoding="utf-8")
    if page is not None:
        path(name, ".md").write_text(page, encoding="utf-8")
    print(f"wrote benchmarks/results/{name}.json{'' if page is None else ' and .md'}", file=sys.stderr)


def record(name: str, found: dict[str, Any], page: str | None = None) -> None:
    """Write what a benchmark found that has a file of its own."""
    write(name, json.dumps(found, indent=1) + "\n", page)


def load(name: str) -> dict[str, Any]:
    """What :func:`record` wrote."""
    found: dict[str, Any] = json.loads(path(name).read_text(encoding="utf-8"))
    return found


def publish(heading: str, about: str, table: Table) -> None:
    """Print a page with one table, and write it to the file that the command line names, if it does."""
    page = f"# {heading}\n\n{about}\n\n{render(table)}\n"
    print(page)
    for file in sys.argv[1:2]:
        Path(file).write_text(page, encoding="utf-8")


def dump(entries: Entries) -> str:
    """JSON with innermost lists and flat objects on one line each, for reading and for comparing versions."""
    return _lines({"entries": entries}, "") + "\n"


def _lines(value: Any, indent: str) -> str:
    nested = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if not any(isinstance(item, dict | list) and item for item in nested):
        return json.dumps(value, ensure_ascii=False)
    inner = indent + " "
    if isinstance(value, dict):
        items = [f"{inner}{json.dumps(key)}: {_lines(item, inner)}" for key, item in value.items()]
        return "{\n" + ",\n".join(items) + f"\n{indent}}}"
    return "[\n" + ",\n".join(inner + _lines(item, inner) for item in value) + f"\n{indent}]"
