"""Writing for people: messages on stderr, tables and sizes on stdout, colours on terminals only."""

import logging
import os
import shutil
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import click

_ELLIPSIS = "…"


def set_up(ctx: click.Context) -> None:
    """Colours as the user wishes; log messages and warnings become plain lines until the command ends."""
    if os.environ.get("NO_COLOR"):
        ctx.color = False
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # texts are UTF-8 whatever the locale; an odd id must not end a run
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    ctx.with_resource(_plain_messages())


def say(message: str) -> None:
    """A message."""
    click.echo(message, err=True)


def warn(message: str) -> None:
    """A message about something that may not be meant."""
    click.echo(click.style("Warning: ", fg="yellow") + message, err=True)


def fail(message: str) -> None:
    """The message of an error."""
    click.echo(click.style("Error: ", fg="red", bold=True) + message, err=True)


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[int] = ()) -> None:
    """Write aligned columns to stdout. A terminal that is too narrow cuts the last column, a file gets all of it.

    Args:
        headings: titles of the columns.
        rows: cells.
        right: columns that hold numbers.
    """
    cells = [list(headings), *(list(row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    aligned_right = set(right)
    room = shutil.get_terminal_size().columns if sys.stdout is not None and sys.stdout.isatty() else None
    for number, row in enumerate(cells):
        padded = [
            cell.rjust(width) if column in aligned_right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        line = "  ".join(padded).rstrip()
        if room is not None and len(line) > room:
            line = line[: room - 1] + _ELLIPSIS
        click.echo(click.style(line, bold=True) if number == 0 else line)


def facts(rows: Iterable[tuple[str, str]], indent: int = 0) -> None:
    """Write names and values to stdout, the values aligned; a value's further lines stand below its first."""
    rows = list(rows)
    width = max((len(name) for name, _ in rows), default=0)
    for name, value in rows:
        first, *more = value.splitlines() or [""]
        click.echo(" " * indent + click.style(name.ljust(width), fg="cyan") + "  " + first)
        for line in more:
            click.echo(" " * (indent + width + 2) + line)


def heading(text: str) -> None:
    """Write the title of a section to stdout."""
    click.echo(click.style(text, bold=True))


def size(count: float) -> str:
    """Bytes as people read them: 90.9 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


@contextmanager
def _plain_messages() -> Iterator[None]:
    logger = logging.getLogger("rapidembed")
    state = logger.handlers, logger.propagate, logger.level
    logger.handlers, logger.propagate = [_Handler()], False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", UserWarning)
            warnings.showwarning = lambda message, *_, **__: warn(str(message))
            yield
    finally:
        logger.handlers, logger.propagate = state[:2]
        logger.setLevel(state[2])


class _Handler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if record.levelno >= logging.WARNING:
            warn(message)
        else:
            say(f"{record.levelname.lower()}: {message}")
