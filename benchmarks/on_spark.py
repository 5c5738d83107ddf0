"""What Spark costs: ``python -m benchmarks.on_spark [FILE]``, in the environment of ``make test-scale``; three minutes.

Java 17 is needed.
"""

import os
import sys
import time
from collections.abc import Iterable, Iterator

import pyarrow as pa
from pyspark.sql import SparkSession
from rapidembed_spark import EmbedBatches

from benchmarks.clusters import BATCH, Batches, compare, model

_FACTS = "worker long, rows long, began double, ended double"


def timed(embed: EmbedBatches) -> object:
    """Tells of each batch who computed it, and when."""

    def run(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        next(iter(embed([pa.RecordBatch.from_pydict({"text": ["the model is loaded"]})])))
        for batch in batches:
            began = time.time()
            (made,) = embed([batch])
            facts = {"worker": os.getpid(), "rows": made.num_rows, "began": began, "ended": time.time()}
            yield pa.RecordBatch.from_pydict({name: [value] for name, value in facts.items()})

    return run


def run(texts: list[str], workers: int) -> Batches:
    options = {
        "spark.ui.enabled": "false",
        "spark.driver.memory": "1g",
        "spark.sql.execution.arrow.maxRecordsPerBatch": str(BATCH),
    }
    session = SparkSession.builder.master(f"local[{workers}]").config(map=options).getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    # Long tasks: Spark starts a few workers, and each keeps its model.
    rows = session.createDataFrame([(text,) for text in texts], "text string").repartition(workers)
    found = rows.mapInArrow(timed(EmbedBatches(model(lazy_load=True), "text", parallel=1)), _FACTS).collect()
    session.stop()
    return {(row["worker"], row["began"], row["ended"]): row["rows"] for row in found}


def main() -> None:
    os.environ |= {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    compare("Spark", "worker", run)


if __name__ == "__main__":
    main()
