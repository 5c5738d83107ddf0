"""Ray datasets with columns of vectors."""

import os
from typing import Any

import rapidembed
from ray.data import ActorPoolStrategy, Dataset

from rapidembed_ray.worker import Embed

TASKS = {
    "text": rapidembed.TextEmbedding,
    "sparse": rapidembed.SparseTextEmbedding,
    "late-interaction": rapidembed.LateInteractionTextEmbedding,
    "hybrid": rapidembed.HybridTextEmbedding,
    "rerank": rapidembed.TextCrossEncoder,
    "image": rapidembed.ImageEmbedding,
}
"""The facade of each task."""


def embed(
    dataset: Dataset,
    model: Any,
    column: str,
    output: str | None = None,
    *,
    task: str = "text",
    workers: int | tuple[int, int] | None = None,
    threads: int = 1,
    num_gpus: float = 0,
    batch_size: int = 2048,
    **options: Any,
) -> Dataset:
    """A dataset with a column of vectors, computed by a pool of actors when the dataset is consumed.

    The column has the type that ``model.arrow_type()`` says, such as ``FixedSizeList<float32>``; a null stays one.

    Example:
        >>> vectors = embed(ray.data.read_parquet("corpus/"), "BAAI/bge-small-en-v1.5", "text")  # doctest: +SKIP
        >>> vectors.write_parquet("vectors/")  # doctest: +SKIP

    Args:
        dataset: any.
        model: its name or folder; or a facade made with ``lazy_load=True``, for options of its own.
        column: of the texts or pictures (``read_images``, ``read_binary_files``, paths); of a reranker the documents.
        output: the column to add. None: "embedding"; of a reranker "score".
        task: of a model given by name: "text", "sparse", "late-interaction", "hybrid", "rerank" or "image".
        workers: actors, or the fewest and the most; None: from one to what the cluster has room for.
        threads: cores of each. A model given by name uses as many; a facade what its own ``threads`` says.
        num_gpus: GPUs of each; a model given by name then runs on them.
        batch_size: rows that an actor gets at a time, and that return as one; fewer suit large results and pictures.
        options: arguments of the facade's ``embed_arrow``, such as ``role="query"`` or ``dtype="float16"``, or of
            ``score_arrow``: a reranker needs ``query`` or ``query_column``.

    Raises:
        ValueError: there is no such task.
        TypeError: an option is none of the facade's.
    """
    facade = facade_of(model, task, threads=threads, gpu=num_gpus > 0)
    rapidembed.EmbedColumn(facade, column, output, **options)  # mistakes show here rather than in an actor
    return dataset.map_batches(
        Embed,
        fn_constructor_args=(facade, column, output),
        fn_constructor_kwargs=options,
        batch_format="pyarrow",
        batch_size=batch_size,
        zero_copy_batch=True,
        compute=pool_of(workers),
        num_cpus=threads,
        num_gpus=num_gpus or None,
    )


def facade_of(model: Any, task: str, *, threads: int, gpu: bool) -> Any:
    """The facade that is given, or the one of the task for a model of that name."""
    if task not in TASKS:
        raise ValueError(f"task must be one of {', '.join(TASKS)}, got {task!r}.")
    if not isinstance(model, str | os.PathLike):
        return model
    return TASKS[task](os.fspath(model), lazy_load=True, threads=threads, device="cuda" if gpu else "cpu")


def pool_of(workers: int | tuple[int, int] | None) -> ActorPoolStrategy:
    """The pool of actors."""
    if workers is None:
        return ActorPoolStrategy(min_size=1)
    if isinstance(workers, int):
        return ActorPoolStrategy(size=workers)
    fewest, most = workers
    return ActorPoolStrategy(min_size=fewest, max_size=most)
