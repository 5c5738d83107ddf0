"""A retrieval set that needs no labels: the first sentence of a text is a query, and the rest is its document."""

import ast
import re
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rapidembed.types import Vectors

_SHORTEST_QUERY, _SHORTEST_DOCUMENT = 20, 60
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_NOT_LIBRARY = {"test", "tests", "idlelib", "lib2to3", "site-packages", "dist-packages", "turtledemo"}


@dataclass(frozen=True, slots=True)
class Pairs:
    """Queries, and the one document that answers each."""

    queries: list[str]
    documents: list[str]

    def __len__(self) -> int:
        return len(self.queries)


def first_sentence(text: str) -> tuple[str, str]:
    """The first sentence, and the rest, which may be empty."""
    first, *rest = _SENTENCE_END.split(text.strip(), maxsplit=1)
    return first, "".join(rest)


def pairs(texts: Iterable[str], most: int) -> Pairs:
    """Up to ``most`` pairs by the rule; texts that are too short and repetitions give none."""
    found: dict[str, str] = {}
    documents: set[str] = set()
    for text in texts:
        query, document = first_sentence(" ".join(text.split()))
        long_enough = len(query) >= _SHORTEST_QUERY and len(document) >= _SHORTEST_DOCUMENT
        if long_enough and query not in found and document not in documents:
            found[query] = document
            documents.add(document)
        if len(found) == most:
            break
    return Pairs(list(found), list(found.values()))


def mean_reciprocal_rank(queries: Vectors, documents: Vectors, cutoff: int = 10) -> float:
    """MRR@10: the mean of 1 / rank of each query's own document, 0 below the cutoff.

    Args:
        queries: (pairs, dim), of length 1.
        documents: likewise; row i answers query i.
        cutoff: the last rank that counts.
    """
    total = 0.0
    for row, query in enumerate(queries):
        scores = documents @ query
        rank = 1 + int((scores > scores[row]).sum())
        total += 1 / rank if rank <= cutoff else 0
    return total / len(queries)


def library_documentation() -> Iterator[str]:
    """The documentation strings of Python's standard library, which every machine has."""
    for strings in library_modules():
        yield from strings


def library_modules() -> Iterator[list[str]]:
    """The documentation strings of each module of Python's standard library."""
    root = Path(sysconfig.get_paths()["stdlib"])
    for file in sorted(root.rglob("*.py")):
        if _NOT_LIBRARY.isdisjoint(file.relative_to(root).parts):
            yield list(_documentation(file))


def _documentation(file: Path) -> Iterator[str]:
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError):  # the library carries examples of both
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""
