"""``rapidembed distil``."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

import click

_EPILOG = """\b
Examples:
  rapidembed distil BAAI/bge-small-en-v1.5 --out my-model                     minutes; no texts needed
  rapidembed distil BAAI/bge-small-en-v1.5 --texts mine.jsonl --out my-model  better: fitted to texts like yours
  rapidembed embed -m my-model notes.txt                                      use it
"""


@click.command(epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.argument("model")
@click.option(
    "--texts",
    type=click.File(encoding="utf-8"),
    metavar="FILE",
    help='Texts to fit to: one a line, or JSON lines with the text in "text"; - is stdin.',
)
@click.option("--dim", default=256, show_default=True, metavar="N", help="Dimensions of the vectors.")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Folder to write.  [default: MODEL-static]")
@click.option("--epochs", default=8, show_default=True, metavar="N", help="Most passes over the texts.")
@click.option(
    "--stored", type=click.Choice(["int8", "float32"]), default="int8", show_default=True, help="Type of the table."
)
@click.option("--seed", default=0, show_default=True, metavar="N", help="Decides what is held out, and the order.")
@click.option("-q", "--quiet", is_flag=True, help="No progress bars.")
def distil(
    model: str, texts: TextIO | None, dim: int, out: Path | None, epochs: int, stored: str, seed: int, quiet: bool
) -> None:
    """Make a small, very fast static model of MODEL, and say how good it is.

    MODEL is whatever TextEmbedding takes: a curated name, a hub id, a folder, package:NAME.
    """
    from rapidembed.toolkit import distil as run

    done = run(
        model,
        None if texts is None else read_texts(texts, texts.name),
        out=out or Path(f"{model.rpartition('/')[2].rpartition(':')[2]}-static"),
        dimensions=dim,
        epochs=epochs,
        stored=stored,
        seed=seed,
        show_progress=not quiet,
    )
    click.echo(str(done))


def read_texts(lines: Iterable[str], name: str) -> Iterator[str]:
    """The texts of a file: lines as they are, or the "text" of JSON objects, or JSON strings.

    Raises:
        ValueError: a line of JSON lines holds no text; names the line.
    """
    jsonl = name.endswith((".jsonl", ".ndjson"))
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield _text(line, f"{name}, line {number}") if jsonl else line.strip()


def _text(line: str, where: str) -> str:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise ValueError(f"{where}: not JSON: {error}") from error
    text = value.get("text") if isinstance(value, dict) else value
    if not isinstance(text, str):
        raise ValueError(f'{where}: expected a string, or an object with a string under "text", got {line.strip()!r}.')
    return text
