"""Options of every command that loads a model."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

Options = tuple[Callable[[Any], Any], ...]

FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)

# Arguments of facades that options here are called by.
_ARGUMENTS = (
    "threads",
    "cache_dir",
    "precision",
    "backend",
    "revision",
    "local_files_only",
    "dimensions",
    "max_tokens",
    "normalize",
    "adapter",
    "long_text",
)


class TaskChoice(click.Choice[str]):
    """One of the registry's tasks, which is asked only when somebody chooses, or wants to see them."""

    def __init__(self) -> None:
        self.case_sensitive = True

    @property
    def choices(self) -> Sequence[str]:  # type: ignore[override]  # nobody sets them
        """Names of the tasks."""
        from rapidembed.registry import TASKS

        return tuple(TASKS)


hub_options: Options = (
    click.option("--revision", metavar="REV", help="Branch, tag or commit of a hub repository."),
    click.option("--cache-dir", metavar="DIR", type=FOLDER, help="Hugging Face cache to use instead of the user's."),
)

task_option: Options = (
    click.option(
        "--task",
        type=TaskChoice(),
        help="What the model is for.  [default: what it is known for, else text]",
    ),
)

local_options: Options = (click.option("--local-files-only", is_flag=True, help="Never ask the network."),)

place_options: Options = (
    click.option(
        "--device",
        "devices",
        multiple=True,
        metavar="NAME",
        help="auto, cpu, cuda or cuda:N; may be repeated.  [default: auto]",
    ),
    click.option(
        "--threads", type=click.IntRange(min=1), metavar="N", help="Most cores to use.  [default: all that are allowed]"
    ),
    click.option(
        "--precision",
        metavar="NAME",
        default="auto",
        help="Numbers to compute with: auto, fast, fp32, int8, bf16.  [default: auto]",
    ),
    click.option(
        "--backend",
        metavar="NAME",
        default="onnxruntime",
        help="What computes: onnxruntime, openvino, native.  [default: onnxruntime]",
    ),
)

vector_options: Options = (
    click.option("--adapter", metavar="FILE", type=FILE, help="Turn vectors by what rapidembed adapt trained."),
    click.option(
        "--dimensions",
        type=click.IntRange(min=1),
        metavar="N",
        help="Keep only the first N dimensions (for models trained so).",
    ),
    click.option(
        "--max-tokens",
        type=click.IntRange(min=1),
        metavar="N",
        help="Cut texts at N tokens.  [default: the model's limit]",
    ),
    click.option(
        "--long-text",
        type=click.Choice(["truncate", "mean", "weighted", "max", "late"]),
        help="Texts over the limit: cut, or read in parts whose vectors become one.  [default: truncate]",
    ),
    click.option(
        "--normalize/--no-normalize",
        default=None,
        help="Scale vectors to length 1, or do not.  [default: as the model's author did]",
    ),
)


def training_options(of: str) -> Options:
    """Of commands that train on ``of``."""
    number = click.IntRange(min=1)
    passes, seed = f"Most passes over the {of}.", "Decides what is held out, and the order."
    return (
        click.option("--epochs", type=number, default=8, show_default=True, metavar="N", help=passes),
        click.option("--seed", default=0, show_default=True, metavar="N", help=seed),
        click.option("-q", "--quiet", is_flag=True, help="No progress bars."),
    )


def with_options(*groups: Options) -> Callable[[F], F]:
    """Add groups of options to a command, in this order."""

    def add(function: F) -> F:
        for option in reversed([option for group in groups for option in group]):
            function = option(function)
        return function

    return add


def model_arguments(options: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of a facade from the options of the groups above, those that were given."""
    given = {name: options[name] for name in _ARGUMENTS if options.get(name) is not None}
    devices = options["devices"] or ("auto",)
    return given | {"device": devices[0] if len(devices) == 1 else list(devices)}


def refuse(why: str, **options: object) -> None:
    """Raise a UsageError if one of these options was given; ``why`` goes on after its name."""
    for name, value in options.items():
        if value is not None:
            raise click.UsageError(f"--{name.replace('_', '-')} {why}")


def refuse_beside_texts(facade: str, model: str, **options: object) -> None:
    """Raise a UsageError if options of dense vectors of texts were given for a model of another class."""
    if facade != "TextEmbedding":
        refuse(f"is for dense vectors of texts; {model} is for {facade}.", **options)
