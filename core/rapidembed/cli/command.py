"""What all commands have in common: ``-h``, ``--debug``, and examples below the options."""

from collections.abc import Callable, Mapping
from typing import Any

import click

HELP_OPTIONS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_DEBUG = "rapidembed.debug"
_COMMON = ("quiet", "debug", "help")


class Command(click.Command):
    """A command with ``--debug``, and options in sections.

    Args:
        sections: title of a section: its first option. Options before the first of them, and the common ones, stand
            under "Options".
    """

    def __init__(self, *args: Any, sections: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._sections = {first: title for title, first in (sections or {}).items()}
        self.params.append(
            click.Option(
                ["--debug"],
                is_flag=True,
                expose_value=False,
                callback=_remember,
                help="Show log messages, and errors with their traceback.",
            )
        )

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, section by section."""
        title, sections = "Options", dict[str, list[tuple[str, str]]]()
        for param in self.get_params(ctx):
            title = self._sections.get(param.name or "", title)
            if param.name in _COMMON:
                title = "Options"
            if isinstance(param, click.Option) and (record := param.get_help_record(ctx)):
                sections.setdefault(title, []).append(record)
        common = sections.pop("Options", [])
        for title, records in (*sections.items(), ("Options", common)):
            with formatter.section(title):
                formatter.write_dl(records)


def command(examples: str, sections: Mapping[str, str] | None = None) -> Callable[[Callable[..., Any]], Command]:
    """Make a function a command.

    Args:
        examples: lines for the end of the help text.
        sections: see :class:`Command`.
    """
    return click.command(cls=Command, context_settings=HELP_OPTIONS, epilog=as_epilog(examples), sections=sections)


def as_epilog(examples: str) -> str:
    """Examples as an epilog that click does not wrap."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in examples.splitlines() if line)


def debugging(ctx: click.Context) -> bool:
    """Whether ``--debug`` was given."""
    return bool(ctx.find_root().meta.get(_DEBUG))


def _remember(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        import logging

        ctx.find_root().meta[_DEBUG] = True
        logging.getLogger("rapidembed").setLevel(logging.DEBUG)
