"""Arrow types as Spark has them."""

from typing import Any

import pyarrow as pa
from pyspark.errors import PySparkTypeError
from pyspark.sql.pandas.types import from_arrow_type
from pyspark.sql.types import DataType


def spark_type(kind: pa.DataType) -> DataType:
    """The type of a column whose Arrow arrays are of type ``kind``.

    Raises:
        ValueError: Spark has none.
    """
    try:
        return from_arrow_type(kind)
    except PySparkTypeError as error:
        raise ValueError(
            f"Spark has no type for {kind}; choose another dtype: 'float32', 'int8' or 'binary'."
        ) from error


def with_plain_lists(kind: pa.DataType) -> Any:
    """The same type with lists of any size instead of a fixed one, which Spark's readers do not know."""
    if pa.types.is_fixed_size_list(kind) or pa.types.is_list(kind):
        return pa.list_(with_plain_lists(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, with_plain_lists(field.type)) for field in kind])
    return kind
