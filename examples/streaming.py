"""A corpus in shards, embedded by Ray and written as it comes: what the examples for Qdrant and LanceDB share.

Nothing is lost and nothing is twice, wherever a run is killed: ids are made of what they name, so to write a text again
changes nothing; a shard is noted in a journal when all of it is written; the next run begins with the others.
"""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pyarrow as pa
import pyarrow.parquet as pq
import ray
from passages import passages
from rapidembed import TextEmbedding
from rapidembed_ray import embed

BATCH = 256
"""Texts in one request to the store."""


def shards(folder: Path, texts: int, of: int) -> list[Path]:
    """The documentation of Python's standard library as Parquet files of so many texts."""
    folder.mkdir(parents=True, exist_ok=True)
    chosen = list(passages().items())[:texts]
    files = []
    for start in range(0, len(chosen), of):
        names, documents = zip(*chosen[start : start + of], strict=True)
        files.append(folder / f"{start // of:05}.parquet")
        pq.write_table(pa.table({"name": names, "text": documents}), files[-1])
    return files


def identity(fingerprint: str, name: str, text: str) -> str:
    """The id of a text's vector by a model: the same at every run, another one when the text or the model is."""
    return str(uuid5(NAMESPACE_URL, f"{fingerprint}/{name}/{text}"))


def embedded(files: Iterable[Path], model: TextEmbedding, workers: int) -> Iterator[pa.Table]:
    """Batches with the columns path, name, text and embedding, in any order.

    Ray runs ahead of who takes them by as much as its object store may hold, and then waits.
    """
    limits = ray.data.ExecutionResources.for_limits(object_store_memory=256e6)
    ray.data.DataContext.get_current().execution_options.resource_limits = limits
    corpus = ray.data.read_parquet([str(file) for file in files], include_paths=True)
    vectors = embed(corpus, model, "text", workers=workers)
    return iter(vectors.iter_batches(batch_format="pyarrow", batch_size=BATCH, prefetch_batches=1))


def patiently(write: Callable[[], Any], tries: int = 6) -> Any:
    """``write()``, again after a while when the store is busy or away; the last error is the caller's."""
    for number in range(tries - 1):
        try:
            return write()
        except Exception as error:  # stores have errors of their own, and ids make it harmless to write again
            print(f"{type(error).__name__}: {error}; trying again in {2**number} s")
            time.sleep(2**number)
    return write()


def stream(
    files: list[Path], journal: Path, model: TextEmbedding, write: Callable[[pa.Table], Any], workers: int
) -> int:
    """Embed the shards that are not in the journal, write their batches, and note them; how many texts that were."""
    finished = set(journal.read_text(encoding="utf-8").splitlines()) if journal.exists() else set()
    left = [file for file in files if file.name not in finished]
    if not left:
        return 0
    missing = Counter({file.name: pq.read_metadata(file).num_rows for file in left})
    total = missing.total()
    with journal.open("a", encoding="utf-8") as notes:
        for batch in embedded(left, model, workers):
            patiently(lambda batch=batch: write(batch))
            missing -= (written := Counter(Path(path).name for path in batch["path"].to_pylist()))
            for name in written.keys() - missing.keys():  # all of its rows are in the store
                notes.write(f"{name}\n")
                notes.flush()
                os.fsync(notes.fileno())
    return total
