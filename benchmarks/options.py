"""Command lines of the benchmarks."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

from benchmarks.engines import ENGINES


def command(doc: str | None) -> Callable[[Callable[..., Any]], click.Command]:
    """A command whose help shows ``doc`` line by line as it stands."""
    shown = "\b\n" + (doc or "").strip().replace("\n\n", "\n\n\b\n")
    return click.command(help=shown, context_settings={"terminal_width": 120})


def option(name: str, default: Any, text: str, kind: Any = None, **more: Any) -> Callable[[Any], Any]:
    """``--NAME``, a number above 0 if no ``kind`` says otherwise."""
    if kind is None and isinstance(default, int | None):
        kind = click.IntRange(min=1)
    elif kind is None:
        kind = click.FloatRange(min=0, min_open=True)
    return click.option(f"--{name}", default=default, show_default=True, type=kind, help=text, **more)


def named(default: str) -> Callable[[Any], Any]:
    """``--name`` of the files written."""
    return option("name", default, "of the files written.", file_name)


def some_of(known: Iterable[str]) -> Callable[[str], list[str]]:
    """A type: names with commas between them, in the order of those known."""

    def some(text: str | list[str]) -> list[str]:
        names = text.split(",") if isinstance(text, str) else text
        if unknown := [each for each in names if each not in known]:
            raise click.BadParameter(f"{', '.join(unknown)}: choose from {', '.join(known)}")
        return [each for each in known if each in names]

    return some


def interpreter(text: str) -> list[tuple[str, str]]:
    """A type: A,B=PATH, the interpreter of each of these engines."""
    names, _, path = text.partition("=")
    # Not resolved: an interpreter in a virtual environment is a link to another one.
    if not Path(path).is_file():
        raise click.BadParameter(f"no interpreter at {path!r}")
    return [(each, str(Path(path).absolute())) for each in some_of(ENGINES)(names)]


def file_name(text: str) -> str:
    """A type."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", text):
        raise click.BadParameter("letters, digits, dot, dash and underscore only")
    return text
