"""``rapidembed pull``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rapidembed.cli import console
from rapidembed.cli.command import command
from rapidembed.cli.model_options import hub_options, task_option, with_options

if TYPE_CHECKING:
    from rapidembed.registry import Task

_EXAMPLES = """
rapidembed pull BAAI/bge-small-en-v1.5
rapidembed pull organisation/name --revision v1.0
rapidembed pull intfloat/multilingual-e5-large --cache-dir /models     for an image or another machine
HF_ENDPOINT=https://mirror.example rapidembed pull BAAI/bge-small-en-v1.5
"""


@command(_EXAMPLES)
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@with_options(task_option, hub_options)
@click.option("--check/--no-check", default=True, help="Load it and use it once.  [default: check]")
def pull(models: tuple[str, ...], task: str | None, revision: str | None, cache_dir: Path | None, check: bool) -> None:
    """Download models and check that they run.

    Only the files that are needed are fetched, into the Hugging Face cache; what is there is not fetched again. The
    check uses the model once, and leaves the graph that was built for it in the graph cache, so that the first start of
    a program is as fast as all others.

    For gated and private models set HF_TOKEN, or log in with: hf auth login
    """
    from rapidembed.cli.found import find_checkpoint, folder_size, task_of
    from rapidembed.hub import HubOptions
    from rapidembed.lexical.models import find_lexical

    if revision is not None and len(models) > 1:
        raise click.UsageError("--revision belongs to one model; pull the others by themselves.")
    for name in models:
        if find_lexical(name):
            console.say(f"{name} counts words; it needs no files.")
            continue
        wanted = task_of(name, task)
        checkpoint = find_checkpoint(name, HubOptions(cache_dir=cache_dir, revision=revision), wanted)
        facts = [
            ("folder", str(checkpoint.root)),
            ("weights", ", ".join(checkpoint.weights)),
            ("size", console.size(folder_size(checkpoint.root))),
        ]
        if checkpoint.revision:
            facts.insert(1, ("revision", checkpoint.revision))
        if check:
            facts.append(("check", _check(name, wanted, revision, cache_dir)))
        console.heading(checkpoint.spec.name)
        console.facts(facts, indent=2)


def _check(name: str, task: "Task", revision: str | None, cache_dir: Path | None) -> str:
    from rapidembed.cli.found import facade
    from rapidembed.registry.heads import HEADS

    with facade(task)(name, revision=revision, cache_dir=cache_dir, local_files_only=True) as model:
        head = HEADS[task.head]
        if head.pairs:
            model.score_labels([("a query", "a text")])
            return f"runs on {model.info.device}, scores pairs"
        if head.name == "page":
            list(model.embed_text(["a text"]))
            list(model.embed_image([_picture()]))
        else:
            list(model.embed([_picture()] if head.pictures else ["a text"]))
        return f"runs on {model.info.device}, {model.info.dimensions} dimensions"


def _picture() -> object:
    import numpy as np

    return np.zeros((32, 32, 3), dtype=np.uint8)
