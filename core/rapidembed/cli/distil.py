"""``rapidembed distil``."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from rapidembed.cli.command import command
from rapidembed.cli.model_options import training_options, with_options

_EXAMPLES = """
rapidembed distil BAAI/bge-small-en-v1.5 --out my-model                     minutes; no texts needed
rapidembed distil BAAI/bge-small-en-v1.5 --texts mine.jsonl --out my-model  better: fitted to texts like yours
rapidembed distil BAAI/bge-small-en-v1.5 --texts notes/ --texts faq.csv --column answer --out my-model
rapidembed embed -m my-model notes.txt                                      use it
"""


@command(_EXAMPLES)
@click.argument("model")
@click.option(
    "--texts",
    multiple=True,
    metavar="INPUT",
    help="Texts to fit to: a file, a folder, or - for stdin, read as by rapidembed embed; may be repeated.",
)
@click.option("--column", metavar="NAME", help='Field with the text, of records.  [default: "text", or the only one]')
@click.option(
    "--dim", type=click.IntRange(min=1), default=256, show_default=True, metavar="N", help="Dimensions of the vectors."
)
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Folder to write.  [default: MODEL-static]")
@click.option(
    "--stored", type=click.Choice(["int8", "float32"]), default="int8", show_default=True, help="Type of the table."
)
@with_options(training_options("texts"))
def distil(
    model: str, texts: tuple[str, ...], column: str | None, dim: int, out: Path | None, quiet: bool, **options: Any
) -> None:
    """Make a small, fast static model of MODEL, and measure it.

    MODEL is whatever TextEmbedding takes: a curated name, a hub id, a folder, package:NAME.
    """
    from rapidembed.toolkit import distil as run

    done = run(
        model,
        _texts(texts, column) if texts else None,
        out=out or Path(f"{model.rstrip('/').rpartition('/')[2].rpartition(':')[2]}-static"),
        dimensions=dim,
        show_progress=not quiet,
        **options,
    )
    click.echo(str(done))


def _texts(names: tuple[str, ...], column: str | None) -> Iterator[str]:
    from rapidembed.cli.embedding.chunks import Inputs
    from rapidembed.cli.embedding.readers import Reading
    from rapidembed.cli.embedding.sources import Selection, find_sources

    try:
        sources = find_sources(names, Selection())
    except (FileNotFoundError, ValueError) as error:
        raise click.BadParameter(str(error), param_hint="--texts") from error
    return (item.text for item in Inputs((), sources, Reading(column=column)))
