"""Vectors of a column of a data frame."""

from typing import Any

from pyspark.sql import DataFrame, SparkSession

from rapidembed_spark.batches import EmbedBatches


def embed(
    dataframe: DataFrame,
    model: Any,
    column: str,
    output: str | None = None,
    *,
    threads: int | None = None,
    **options: Any,
) -> DataFrame:
    """The data frame with a column of vectors (of a reranker: scores), by ``mapInArrow``.

    Example::

        from rapidembed import TextEmbedding
        from rapidembed_spark import embed

        model = TextEmbedding("BAAI/bge-small-en-v1.5", lazy_load=True)
        embed(texts, model, "text").write.parquet("vectors")

    Args:
        dataframe: of any columns; select those that are needed, for all of them pass through the Python workers.
        model: any facade of rapidembed, best made with ``lazy_load=True``; only its options are sent.
        column: of texts, or of pictures in bytes; of a reranker, of the documents.
        output: the column to add, or to replace. None: "embedding", "score".
        threads: cores that a task uses. None: as many as Spark gives it, ``spark.task.cpus``.
        options: of ``embed_arrow`` (``role``, ``dtype``, ``batch_size`` ...), or of ``score_arrow`` (``query``,
            ``query_column`` ...).

    Returns:
        Of dense vectors ``array<float>``; of sparse ones ``struct<indices: array<bigint>, values: array<float>>``; of
        token vectors ``array<array<float>>``; of hybrid ones a struct of all three; scores are ``float``. A null stays
        null. The type is known, and given to Spark, without loading the model.

    Raises:
        TypeError: ``model`` is no facade, or an option is none of its.
        ValueError: there is no such column, or Spark has no type for such vectors.
    """
    if column not in dataframe.columns:
        raise ValueError(f"column={column!r} is none of the data frame's: {', '.join(dataframe.columns)}.")
    parallel = cores_of_a_task(dataframe.sparkSession) if threads is None else threads
    batches = EmbedBatches(model, column, output, parallel=parallel, **options)
    return dataframe.mapInArrow(batches, batches.schema(dataframe.schema))


def cores_of_a_task(session: SparkSession) -> int:
    """What Spark gives to each."""
    return int(session.conf.get("spark.task.cpus", "1") or 1)
