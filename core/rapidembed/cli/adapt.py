"""``rapidembed adapt``."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rapidembed.cli.command import command
from rapidembed.cli.model_options import training_options, with_options

if TYPE_CHECKING:
    from rapidembed.toolkit.adaptation.adapt import Pair

_EXAMPLES = """
rapidembed adapt BAAI/bge-small-en-v1.5 --pairs pairs.jsonl --out mine.safetensors
rapidembed adapt BAAI/bge-small-en-v1.5 --pairs pairs.csv --sides query --out mine.safetensors   an index stays valid
rapidembed embed -m BAAI/bge-small-en-v1.5 --adapter mine.safetensors notes.txt                  use it
"""


@command(_EXAMPLES)
@click.argument("model")
@click.option(
    "--pairs",
    "files",
    multiple=True,
    required=True,
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=".jsonl, .csv or .tsv with fields query and document; .jsonl may have a list of negatives. May be repeated.",
)
@click.option(
    "-o",
    "--out",
    required=True,
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for the adapter, below 1 MB.",
)
@click.option(
    "--sides",
    type=click.Choice(["query", "both"]),
    default="both",
    show_default=True,
    help="Turn vectors of queries only, which leaves an index as it is, or of documents too.",
)
@click.option(
    "--mine",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="N",
    help="So many near documents of each query as further negatives.",
)
@with_options(training_options("pairs"))
def adapt(model: str, files: tuple[Path, ...], out: Path, quiet: bool, **options: Any) -> None:
    """Teach the vectors of MODEL a domain, and say what it gained.

    A linear head over the vectors is trained on pairs of texts, in seconds, beside a part that is held out. Where that
    part does not gain, nothing is written. MODEL is whatever TextEmbedding takes.
    """
    from rapidembed.toolkit.adaptation import adapt as run
    from rapidembed.toolkit.adaptation.reading import read_pairs

    pairs: Iterator[Pair] = chain.from_iterable(map(read_pairs, files))
    done = run(model, pairs, out=out, show_progress=not quiet, **options)
    click.echo(f"{out}: {done}")
