"""What separates the columns of a table in text."""

import re
from collections.abc import Iterator
from typing import Literal

NAMES = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
_QUOTED = re.compile(r'"(?:[^"]|"")*"')


def header_of(lines: Iterator[str]) -> list[str]:
    """The lines of a table's header: one, or more where a quoted name holds a line break."""
    header, quotes = [], 0
    for line in lines:
        header.append(line)
        quotes += line.count('"')
        if quotes % 2 == 0:
            break
    return header


def delimiter_of(header: str, kind: Literal["csv", "tsv"]) -> str:
    """The delimiter that a header says.

    Args:
        header: the line of the columns' names.
        kind: tabs separate the columns of "tsv" wherever there are any; "csv" may mean any of :data:`NAMES`.

    Raises:
        ValueError: it holds several that may be meant.
    """
    bare = _QUOTED.sub("", header)
    found = [name for name, delimiter in NAMES.items() if delimiter in bare]
    if kind == "tsv" and ("tab" in found or not found):
        return NAMES["tab"]
    if kind == "csv" and len(found) < 2:
        return NAMES[found[0]] if found else NAMES["comma"]
    raise ValueError(
        f"its header holds {' and '.join(found)}, so what separates the columns is not clear; --delimiter says it."
    )
