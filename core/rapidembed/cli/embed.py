"""``rapidembed embed``."""

import codecs
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rapidembed.cli.command import command
from rapidembed.cli.model_options import (
    FILE,
    hub_options,
    local_options,
    model_arguments,
    place_options,
    refuse,
    vector_options,
    with_options,
)

if TYPE_CHECKING:
    from rapidembed.cli.embedding.sources import Source

_OF_TEXTS = ("dimensions", "max_tokens", "adapter", "long_text")
_OF_THE_JOB = ("role", "batch_size", "ids", "truncated", "with_text", "truncate", "overwrite", "quiet")
_SUFFIXES = (".npy", ".jsonl", ".parquet")

_EXAMPLES = """
echo "hello world" | rapidembed embed                   one text a line, rows to stdout
rapidembed embed --text "what is a hyrax?" --query      one text, as a search query
rapidembed embed lines.txt -o vectors.npy               row i belongs to line i
rapidembed embed docs/ --glob '*.md' -o docs.parquet    one text a file
rapidembed embed faq.csv --column answer --id-column nr -o faq.jsonl
rapidembed embed big.jsonl.gz -o big.npy --ids big.txt
rapidembed embed photos/ -o photos.npy --ids photos.txt one picture a file
rapidembed embed -m intfloat/multilingual-e5-large --local-files-only notes.txt
"""


_SECTIONS = {"Input": "texts", "Model": "model", "Vectors": "role", "Output": "output"}


@command(_EXAMPLES, _SECTIONS)
@click.argument("inputs", nargs=-1, metavar="[INPUT]...")
@click.option("-t", "--text", "texts", multiple=True, metavar="TEXT", help="A text to embed; may be repeated.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["auto", "text", "jsonl", "json", "csv", "tsv", "parquet", "picture"]),
    default="auto",
    help="What the inputs are.  [default: by their suffix; stdin is text]",
)
@click.option(
    "--per",
    type=click.Choice(["auto", "line", "file"]),
    default="auto",
    help="What one text is, in text.  [default: a line; a file where a folder was named]",
)
@click.option("--glob", "patterns", multiple=True, metavar="PATTERN", help="Files to take from folders, e.g. '*.md'.")
@click.option("--column", metavar="NAME", help='Field with the text.  [default: "text", or the only one]')
@click.option("--id-column", metavar="NAME", help='Field with the id.  [default: "id", else FILE:NUMBER]')
@click.option(
    "--delimiter",
    type=click.Choice(["comma", "semicolon", "tab", "pipe"]),
    help="What separates the columns of .csv and .tsv.  [default: what the header says]",
)
@click.option(
    "--missing",
    type=click.Choice(["error", "skip", "empty"]),
    default="error",
    show_default=True,
    help="What to do with records that have no text.",
)
@click.option("--skip-blank", is_flag=True, help="Leave out texts of nothing but white space.")
@click.option(
    "--encoding",
    default="utf-8",
    show_default=True,
    metavar="NAME",
    callback=lambda _, __, name: _known_encoding(name),
    help="Encoding of text files.",
)
@click.option(
    "--encoding-errors",
    type=click.Choice(["strict", "replace"]),
    default="strict",
    show_default=True,
    help="Whether bytes that are no text are an error or become U+FFFD.",
)
@click.option(
    "-m",
    "--model",
    metavar="NAME",
    help="Model.  [default: $RAPIDEMBED_MODEL, else BAAI/bge-small-en-v1.5; of pictures builtin:image]",
)
@with_options(hub_options, local_options, place_options)
@click.option(
    "--batch-size", type=click.IntRange(min=1), metavar="N", help="Most texts in a batch.  [default: by work]"
)
@click.option("--document", "role", flag_value="document", default=True, help="Texts are to be searched.  [default]")
@click.option("--query", "role", flag_value="query", help="Texts are search queries.")
@click.option("--plain", "role", flag_value="plain", help="Neither: no query or document prompt is put before them.")
@with_options(vector_options)
@click.option(
    "--truncate/--no-truncate", default=True, help="Cut texts over the limit, or make them an error.  [default: cut]"
)
@click.option(
    "-o",
    "--output",
    type=FILE,
    metavar="FILE",
    help=".npy, .jsonl or .parquet file.  [default: JSON Lines on stdout]",
)
@click.option("--with-text", is_flag=True, help="Put the text into every row (.jsonl, .parquet).")
@click.option("--ids", type=FILE, metavar="FILE", help="Also write the ids of the texts to FILE, one per line.")
@click.option(
    "--truncated-ids",
    "truncated",
    type=FILE,
    metavar="FILE",
    help="Also write the ids of the texts that were cut to FILE.",
)
@click.option("--overwrite", is_flag=True, help="Replace existing output, and start over instead of going on.")
@click.option("-q", "--quiet", is_flag=True, help="No progress, no summary.")
def embed(inputs: tuple[str, ...], texts: tuple[str, ...], **options: Any) -> None:
    """Turn texts or pictures into vectors: files, folders, a pipe.

    INPUT is a file, a folder, or - for stdin, which is also read if nothing is named. Of .jsonl, .json, .csv,
    .tsv and .parquet files every record is a text, of other files every line, blank ones too. Of a folder every file is
    one text, except files of records; hidden files and those that hold no text are passed over. All but .parquet may be
    compressed by gzip. Pictures, and folders that hold no texts but pictures, are embedded by a model of pictures.

    With -o, memory stays bounded however long the input is, the file appears when it is complete, and a run that was
    interrupted, or killed, goes on where it was when the same command is given again: FILE.partial beside it keeps what
    is done. Other input or options are refused.

    Vectors are float32, in the order of the input, and written as id and embedding.
    """
    from rapidembed.cli.embedding.chunks import Inputs
    from rapidembed.cli.embedding.job import Job
    from rapidembed.cli.embedding.partial import partial_folder
    from rapidembed.cli.embedding.readers import Reading
    from rapidembed.cli.embedding.sources import STDIN

    output: Path | None = None if options["output"] == Path("-") else options["output"]
    _check(output, options)
    if not inputs and not texts:
        if sys.stdin is None or sys.stdin.isatty():
            raise click.UsageError("Nothing to embed: name a file or folder, pipe text in, or give --text.")
        inputs = (STDIN,)
    outputs = (output, output and partial_folder(output), options["ids"], options["truncated"])
    sources, pictures = _sources(inputs, texts, options, frozenset(path.absolute() for path in outputs if path))
    reading = Reading(**{field.name: options[field.name] for field in fields(Reading)})
    name = options["model"] or ("builtin:image" if pictures else None)
    job = Job(
        inputs=Inputs(texts, sources, reading),
        model={"model_name": name, **model_arguments(options)},
        pictures=pictures,
        output=output,
        **{name: options[name] for name in _OF_THE_JOB},
    )
    job.run()


def _sources(
    inputs: tuple[str, ...], texts: tuple[str, ...], options: dict[str, Any], written: frozenset[Path]
) -> "tuple[list[Source], bool]":
    """The files that are meant, and whether they are pictures."""
    from rapidembed.cli.embedding.sources import Selection, find_sources

    selection = Selection(options["format_"], options["per"], options["patterns"])
    try:
        sources = find_sources(inputs, selection, ignore=written)
    except FileNotFoundError as error:
        raise click.BadParameter(f"{error} A text itself is given with --text.", param_hint="INPUT") from error
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="INPUT") from error
    kinds = {source.kind for source in sources} | ({"lines"} if texts else set())
    if "picture" not in kinds:
        return sources, False
    if len(kinds) > 1:
        raise click.UsageError("Texts and pictures are embedded by different models: embed them in two runs.")
    refuse("is for texts; these are pictures.", **{name: options[name] for name in _OF_TEXTS})
    return sources, True


def _known_encoding(name: str) -> str:
    try:
        codecs.lookup(name)
    except LookupError as error:
        raise click.BadParameter(f"{error}.") from error
    return name


def _check(output: Path | None, options: dict[str, Any]) -> None:
    """Refuse combinations that would lose something in silence."""
    ids, truncated = options["ids"], options["truncated"]
    if output is None:
        if ids or truncated:
            raise click.UsageError("--ids and --truncated-ids need --output; rows on stdout hold their ids.")
        return
    if output.suffix.lower() not in _SUFFIXES:
        raise click.BadParameter(
            f"{output.name}: expected a name that ends in {', '.join(_SUFFIXES)}.", param_hint="-o"
        )
    if output.suffix.lower() == ".npy":
        if options["with_text"]:
            raise click.UsageError("A .npy file holds no texts; write .jsonl or .parquet, or leave out --with-text.")
        if options["id_column"] and not ids:
            raise click.UsageError("A .npy file holds no ids; --ids FILE writes them beside it.")
    paths = [path.absolute() for path in (output, ids, truncated) if path]
    if len(set(paths)) < len(paths):
        raise click.UsageError("--output, --ids and --truncated-ids must be different files.")
