"""``rapidembed migrate-check``."""

from pathlib import Path

import click

from rapidembed.cli import console
from rapidembed.cli.command import command

_EXAMPLES = """
rapidembed migrate-check BAAI/bge-small-en-v1.5 vectors.npy texts.txt
rapidembed migrate-check intfloat/multilingual-e5-large vectors.npy texts.txt --cache-dir /models
"""


@command(_EXAMPLES)
@click.argument("model")
@click.argument("vectors", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("texts", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--cache-dir", type=click.Path(file_okay=False, path_type=Path), help="Cache of both classes' models.")
@click.option(
    "--model-path", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Folder of the model."
)
@click.option("--offline", is_flag=True, help="Never ask the hub.")
def migrate_check(
    model: str, vectors: Path, texts: Path, cache_dir: Path | None, model_path: Path | None, offline: bool
) -> None:
    """Say which class gives the vectors that an index holds.

    VECTORS is a .npy file with a vector in each row, TEXTS a text file with its text in each line; a few dozen say
    enough. They are compared with rapidembed.compat, whose vectors are fastembed's, and with rapidembed, whose vectors
    are sentence-transformers'. An index can be kept with a class whose vectors are the same. The exit code is 1 if
    there is none.
    """
    import numpy as np

    from rapidembed.compat.check import compare

    lines = texts.read_text(encoding="utf-8").splitlines()
    options = {"cache_dir": cache_dir, "specific_model_path": model_path, "local_files_only": offline}
    matches = compare(model, np.load(vectors, allow_pickle=False), lines, options)
    console.heading(model)
    for match in matches:
        worst = "" if match.worst is None else f", 1 - cosine at most {match.worst:.1e}"
        console.facts([(match.way, f"{match.verdict}{worst}{match.reason and f': {match.reason}'}")], indent=2)
    if matches[0].verdict != "the same":
        raise click.ClickException("No class gives these vectors: embed the texts anew, or look for the model again.")
