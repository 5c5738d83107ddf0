"""rapidembed for Spark: ``from rapidembed_spark import embed``."""

try:
    import pyspark  # noqa: F401
except ImportError as error:
    raise ImportError("rapidembed_spark needs pyspark: pip install 'rapidembed[spark]'") from error

from rapidembed_spark.batches import EmbedBatches
from rapidembed_spark.dataframe import embed
from rapidembed_spark.udf import embed_udf

__all__ = ["EmbedBatches", "embed", "embed_udf"]
