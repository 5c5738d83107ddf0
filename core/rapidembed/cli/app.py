"""The group of commands, and what becomes of their errors."""

import atexit
import gc
import os
import sys
from typing import NoReturn

import click

from rapidembed import __version__
from rapidembed.cli import console
from rapidembed.cli.command import HELP_OPTIONS, debugging
from rapidembed.errors import RapidEmbedError
from rapidembed.importing import load

INTERRUPTED = 130
BROKEN_PIPE = 141

# Name of the command: the module that defines it under the same name, and its line in the list of commands. The lines
# stand here so that the list needs no imports.
COMMANDS = {
    "embed": ("rapidembed.cli.embed", "Turn texts from files, folders or a pipe into vectors."),
    "models": ("rapidembed.cli.models", "List the models that are known by name."),
    "pull": ("rapidembed.cli.pull", "Download models and check that they run."),
    "compile": ("rapidembed.cli.compile", "Put a model, and all that is built of it, into a folder."),
    "distil": ("rapidembed.cli.distil", "Make a small, fast static model of MODEL, and say how good it is."),
    "adapt": ("rapidembed.cli.adapt", "Teach the vectors of MODEL a domain, and say what it gained."),
    "eval": ("rapidembed.cli.eval", "Compare models on your own questions, and say what they cost."),
    "info": ("rapidembed.cli.info", "Say what a model is, and what would run, and why."),
    "cache": ("rapidembed.cli.cache", "Show and clear what is kept on this machine."),
    "migrate-check": ("rapidembed.cli.migrate_check", "Say which class gives the vectors that an index holds."),
    "doctor": ("rapidembed.cli.doctor", "Check this installation and this machine."),
}

_EPILOG = """\b
Start here:
  rapidembed doctor                       what this machine would use, and what is wrong
  rapidembed models english               which models there are
  echo "hello world" | rapidembed embed   a vector for every line
  rapidembed embed docs/ -o docs.npy      a vector for every file

\b
Exit codes: 0 done, 1 error, 2 wrong usage, 130 interrupted, 141 the reader of the output went away.
Messages go to stderr, data to stdout. NO_COLOR turns colours off.
"""


class App(click.Group):
    """Loads a command when it is called, and ends it with a message instead of a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the commands, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        command = getattr(load(COMMANDS[cmd_name][0]), cmd_name.replace("-", "_"))
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; whatever it raises becomes a message and an exit code."""
        console.set_up(ctx)
        try:
            result: object = super().invoke(ctx)
            if sys.stdout is not None:
                sys.stdout.flush()
        except (click.ClickException, click.exceptions.Exit):
            raise
        except (KeyboardInterrupt, click.Abort) as error:
            console.warn(str(error) or "Interrupted.")
            raise click.exceptions.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            _forget_stdout()
            raise click.exceptions.Exit(BROKEN_PIPE) from None
        except Exception as error:
            if debugging(ctx):
                raise
            raise Failure(error) from error
        return result


class Failure(click.ClickException):
    """An error as its message."""

    def __init__(self, error: Exception) -> None:
        expected = isinstance(error, RapidEmbedError | ValueError | OSError | ImportError)
        text = _message(error) if expected else f"{type(error).__name__}: {error}\nThis is a bug; --debug shows where."
        super().__init__("\n".join([text, *getattr(error, "__notes__", [])]))

    def show(self, file: object = None) -> None:
        """Write the message to stderr."""
        console.fail(self.message)


@click.group(cls=App, context_settings=HELP_OPTIONS, epilog=_EPILOG)
@click.version_option(__version__, message="rapidembed %(version)s")
def cli() -> None:
    """Text embeddings on your own machine.

    Every command explains itself with examples: rapidembed COMMAND --help
    """


def main() -> NoReturn:
    """Run the command line and exit."""
    # What is left at the end goes with the process; looking through it for garbage first takes 50 ms.
    atexit.register(gc.freeze)
    _open_standard_streams()
    cli(prog_name="rapidembed")
    raise SystemExit(0)


def _message(error: Exception) -> str:
    if isinstance(error, ImportError):
        return f"{error}. What is missing, and how to get it, says: rapidembed doctor"
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error) or type(error).__name__


def _open_standard_streams() -> None:
    """Keep files that are opened from getting the number of a closed stdout, which native libraries write to."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free


def _forget_stdout() -> None:
    # What is still buffered has no reader; the interpreter would complain about it at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
