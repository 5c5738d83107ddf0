"""Vectors as an expression in a query."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.ml.functions import predict_batch_udf
from pyspark.sql import SparkSession
from pyspark.sql.types import ArrayType, DataType, StructType
from rapidembed import EmbedColumn

from rapidembed_spark.dataframe import cores_of_a_task
from rapidembed_spark.types import spark_type

_INPUT, _QUERY = "input", "query"


def embed_udf(model: Any, *, batch_size: int = 1024, threads: int | None = None, **options: Any) -> Any:
    """A function of columns that makes vectors, or scores, by Spark's ``predict_batch_udf``.

    ``df.withColumn("embedding", embed_udf(model)("text"))``. It is for dense and sparse vectors, and for scores: with
    ``query="..."`` of one column, with ``query_column=True`` of two, the document and its query. All kinds of vectors,
    and nulls, are for :func:`rapidembed_spark.embed`, which also copies less.

    Args:
        model: any facade of rapidembed, best made with ``lazy_load=True``; only its options are sent.
        batch_size: rows that are given to the model at once.
        threads: cores that a task uses. None: as many as Spark gives it, ``spark.task.cpus``.
        options: of ``embed_arrow``, or of ``score_arrow``.

    Raises:
        TypeError: ``model`` is no facade, or an option is none of its.
        ValueError: Spark has no type for such vectors, or ``predict_batch_udf`` does not take it.
    """
    with_query = bool(options.pop("query_column", False))
    if with_query:
        options["query_column"] = _QUERY
    parallel = cores_of_a_task(SparkSession.active()) if threads is None else threads
    embed = EmbedColumn(model, _INPUT, parallel=parallel, **options)
    kind = spark_type(embed.field.type)
    if _depth(kind) > (3 if isinstance(kind, StructType) else 2):
        raise ValueError(f"predict_batch_udf returns no {kind.simpleString()}; use rapidembed_spark.embed().")
    return predict_batch_udf(_Maker(embed, with_query), return_type=kind, batch_size=batch_size)


def _depth(kind: DataType) -> int:
    """How many types lie in each other."""
    inner = [kind.elementType] if isinstance(kind, ArrayType) else []
    inner += [field.dataType for field in kind.fields] if isinstance(kind, StructType) else []
    return 1 + max(map(_depth, inner), default=0)


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes the function that is called with batches, in the process where they are."""

    embed: EmbedColumn
    with_query: bool

    def __call__(self) -> Callable[..., Any]:
        # Spark counts the parameters, and gives each a column.
        def of_one(values: Any) -> Any:
            return _plain(self.embed, {_INPUT: values})

        def of_two(values: Any, queries: Any) -> Any:
            return _plain(self.embed, {_INPUT: values, _QUERY: queries})

        return of_two if self.with_query else of_one


def _plain(embed: EmbedColumn, columns: dict[str, Any]) -> Any:
    """Results as numpy arrays, or a dict of those for each row."""
    table = pa.table({name: pa.array(values, from_pandas=True) for name, values in columns.items()})
    found = embed(table).column(embed.field.name).combine_chunks()
    if found.null_count:
        row = int(np.flatnonzero(np.asarray(found.is_null()))[0])
        raise ValueError(
            f"Row {row} of a batch is null, for which predict_batch_udf has no result; leave such rows out, or use "
            "rapidembed_spark.embed(), which keeps them null."
        )
    if pa.types.is_struct(found.type):
        parts = [[np.asarray(row.values) for row in found.field(name)] for name in (each.name for each in found.type)]
        return [dict(zip((each.name for each in found.type), row, strict=True)) for row in zip(*parts, strict=True)]
    if pa.types.is_fixed_size_list(found.type):
        return np.asarray(found.flatten()).reshape(len(found), found.type.list_size)
    return np.asarray(found)
