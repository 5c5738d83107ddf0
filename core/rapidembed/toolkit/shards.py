"""Files of a corpus one by one: each is done as a whole or not at all, so a run that was killed goes on."""

import json
import os
import uuid
from pathlib import Path
from typing import Any

from rapidembed.errors import RapidEmbedError
from rapidembed.tasks.arrow.embed_column import EmbedColumn
from rapidembed.tasks.arrow.extra import pyarrow

_BATCH = 2048
_NOTES = b"rapidembed"


def embed_shard(embed: EmbedColumn, source: str | Path, target: str | Path) -> int:
    """Write a Parquet file with the rows of another and a column of vectors, unless it is there already.

    The file appears when it is complete: whoever is killed leaves at most a ``.partial`` beside it, which nobody reads.
    So to run the same again is to go on, and two that do the same shard at once do it twice and keep one.

    Example:
        >>> from rapidembed import EmbedColumn, TextEmbedding, embed_shard  # doctest: +SKIP
        >>> embed = EmbedColumn(TextEmbedding("BAAI/bge-small-en-v1.5", lazy_load=True), "text")  # doctest: +SKIP
        >>> embed_shard(embed, "corpus/0001.parquet", "vectors/0001.parquet")  # doctest: +SKIP

    Args:
        embed: what is done to its record batches; memory holds one of them and a row group.
        source: a Parquet file.
        target: the file to make; its folder is made too.

    Returns:
        Rows that were embedded; 0 where the file was there.

    Raises:
        RapidEmbedError: the file is there, and another model or other options made it.
        MissingExtraError: pyarrow is not installed.
    """
    pyarrow()
    import pyarrow.parquet as parquet

    target = Path(target)
    notes = _notes(embed)
    if target.exists():
        _check(target, parquet.read_schema(target), notes)
        return 0
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{uuid.uuid4().hex}.partial")
    try:
        rows = _write(embed, source, partial, notes)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return rows


def _write(embed: EmbedColumn, source: str | Path, partial: Path, notes: bytes) -> int:
    import pyarrow.parquet as parquet

    rows = 0
    with parquet.ParquetFile(source) as file:
        schema = embed.schema(file.schema_arrow)
        schema = schema.with_metadata({**(schema.metadata or {}), _NOTES: notes})
        with partial.open("wb") as raw:
            with parquet.ParquetWriter(raw, schema) as writer:
                for batch in file.iter_batches(batch_size=_BATCH):
                    writer.write_batch(embed(batch).replace_schema_metadata(schema.metadata))
                    rows += batch.num_rows
            raw.flush()
            os.fsync(raw.fileno())
    return rows


def _notes(embed: EmbedColumn) -> bytes:
    """What decides the vectors, in the file's metadata under "rapidembed"."""
    return json.dumps(embed.facts(), sort_keys=True).encode()


def _check(target: Path, schema: Any, notes: bytes) -> None:
    found = (schema.metadata or {}).get(_NOTES)
    if found != notes:
        said = "says nothing of a model" if found is None else f"was made by {found.decode()}"
        raise RapidEmbedError(f"{target} {said}; now it would be {notes.decode()}. Delete it, or name another folder.")
