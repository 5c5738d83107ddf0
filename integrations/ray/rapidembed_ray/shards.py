"""Parquet files to Parquet files: a run that was killed goes on when it is started again."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ray.data
from rapidembed import EmbedColumn, embed_shard

from rapidembed_ray.dataset import facade_of, pool_of


class _ShardWorker:
    """An actor that embeds whole files."""

    def __init__(self, embed: EmbedColumn) -> None:
        self._embed = embed
        _ = embed.model.info

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "rows": embed_shard(self._embed, row["source"], row["target"])}


def embed_shards(
    sources: Sequence[str | Path],
    folder: str | Path,
    model: Any,
    column: str,
    output: str | None = None,
    *,
    task: str = "text",
    workers: int | tuple[int, int] | None = None,
    threads: int = 1,
    num_gpus: float = 0,
    **options: Any,
) -> int:
    """Embed Parquet files, each to a file of its name in ``folder``; those that are there already are left alone.

    Killed anywhere, driver, worker or machine, the same call goes on: a file is written as a whole or not at all
    (:func:`rapidembed.embed_shard`). ``folder`` is one that all nodes see.

    Args:
        sources: the files, of different names.
        folder: where the others go.
        model: see :func:`rapidembed_ray.embed`, as for the arguments below.
        column: see there.
        output: see there.
        task: see there.
        workers: see there.
        threads: see there.
        num_gpus: see there.
        options: see there.

    Returns:
        Rows that were embedded now.

    Raises:
        ValueError: two files have one name.
    """
    paths = [Path(source) for source in sources]
    if len({path.name for path in paths}) < len(paths):
        raise ValueError("sources must have different names: each becomes a file of its name.")
    facade = facade_of(model, task, threads=threads, gpu=num_gpus > 0)
    embed = EmbedColumn(facade, column, output, **options)
    files = [{"source": str(path.absolute()), "target": str(Path(folder).absolute() / path.name)} for path in paths]
    if not files:
        return 0
    shards = ray.data.from_items(files, override_num_blocks=len(files))
    done = shards.map(
        _ShardWorker,
        fn_constructor_args=(embed,),
        compute=pool_of(workers),
        num_cpus=threads,
        num_gpus=num_gpus or None,
    )
    return sum(row["rows"] for row in done.iter_rows())
