"""The function that Spark's Python workers run."""

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
from pyspark.sql.types import DataType, StructField, StructType
from rapidembed import EmbedColumn

from rapidembed_spark.types import spark_type, with_plain_lists


class EmbedBatches:
    """Adds a column of vectors to record batches: the function of ``DataFrame.mapInArrow``.

    It pickles as options; each Python worker loads the model once, at its first batch, and keeps it for the tasks that
    come to it (``spark.python.worker.reuse``, on by default).

    Args:
        model: any facade of rapidembed, best made with ``lazy_load=True``.
        column: of the texts or pictures; of a reranker, of the documents.
        output: the column to add, or to replace. None: "embedding", "score".
        options: arguments of ``embed_arrow`` or ``score_arrow``; ``parallel=`` is how many cores a task uses.

    Raises:
        TypeError: ``model`` is no facade, or an option is none of its.
    """

    def __init__(self, model: Any, column: str, output: str | None = None, **options: Any) -> None:
        self._embed = EmbedColumn(model, column, output, **options)

    @property
    def data_type(self) -> DataType:
        """Spark's type of the output, without loading the model.

        Raises:
            ValueError: Spark has none for it.
        """
        return spark_type(self._embed.field.type)

    def schema(self, schema: StructType) -> StructType:
        """What becomes of a data frame of this schema."""
        added = StructField(self._embed.field.name, self.data_type)
        if added.name not in schema.names:
            return StructType([*schema.fields, added])
        return StructType([added if field.name == added.name else field for field in schema.fields])

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The batches with the column."""
        name = self._embed.field.name
        kind = with_plain_lists(self._embed.field.type)
        for batch in batches:
            found = self._embed(batch)
            place = found.schema.get_field_index(name)
            yield found.set_column(place, name, found.column(place).cast(kind))
