"""Real Spark, two local threads: the columns are those of one process, whatever happens to a worker."""

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from rapidembed import (
    ImageEmbedding,
    LateInteractionTextEmbedding,
    SparseTextEmbedding,
    TextCrossEncoder,
    TextEmbedding,
    shared,
)

from tests.golden import heads
from tests.scale.pages import example

pytestmark = [
    pytest.mark.scale,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        shutil.which("java") is None, reason="Spark needs Java: apt-get install openjdk-17-jre-headless"
    ),
    pytest.mark.filterwarnings("ignore"),
]
sql = pytest.importorskip("pyspark.sql")
spark_package = pytest.importorskip("rapidembed_spark")

TEXTS = [f"text number {i}: {'words ' * (i % 7)}" for i in range(60)]
TEXTS[7] = None


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    folder = tmp_path_factory.mktemp("spark")
    os.environ |= {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_LOCAL_DIRS": str(folder)}
    options = {
        "spark.ui.enabled": "false",
        "spark.driver.memory": "512m",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "8",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
    }
    # Two threads, and a task may fail three times.
    session = sql.SparkSession.builder.master("local[2,4]").config(map=options).getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()


@pytest.fixture(scope="module")
def frame(session):
    return session.createDataFrame(list(enumerate(TEXTS)), "id long, text string").repartition(4).cache()


def column(frame, name: str) -> list:
    """Values in the order of the ids; every id must be there once."""
    rows = sorted(frame.select("id", name).collect())
    assert [row["id"] for row in rows] == list(range(len(TEXTS)))
    return [row[name] for row in rows]


def present(model, role="document") -> list:
    """What one process makes of the texts that are there."""
    return list(getattr(model, f"encode_{role}")([text for text in TEXTS if text is not None]))


def bits(rows: list) -> list[bytes | None]:
    return [None if row is None else np.asarray(row, np.float32).tobytes() for row in rows]


def with_null(rows: list) -> list:
    return [*rows[:7], None, *rows[7:]]


@pytest.mark.parametrize("options", [{}, {"precision": "int8"}], ids=["fp32", "int8"])
def test_dense_vectors_are_those_of_one_process(frame, minilm: str, options: dict) -> None:
    model = TextEmbedding(minilm, lazy_load=True, **options)
    found = spark_package.embed(frame, model, "text")
    assert found.schema["embedding"].dataType.simpleString() == "array<float>"
    assert bits(column(found, "embedding")) == with_null(bits(present(model)))


def test_by_predict_batch_udf(frame, minilm: str) -> None:
    model = TextEmbedding(minilm, lazy_load=True)
    vectors = spark_package.embed_udf(model, batch_size=5, role="query")
    whole = frame.where("text is not null").withColumn("vector", vectors("text"))
    rows = sorted(whole.select("id", "vector").collect())
    assert bits([row["vector"] for row in rows]) == bits(present(model, "query"))
    with pytest.raises(Exception, match="of a batch is null"):
        frame.select(vectors("text")).collect()


def test_sparse_vectors_and_scores(frame, tmp_path: Path) -> None:
    sparse = SparseTextEmbedding("Qdrant/bm25", lazy_load=True)
    found = spark_package.embed(frame, sparse, "text", "words")
    assert found.schema["words"].dataType.simpleString() == "struct<indices:array<bigint>,values:array<float>>"
    by_udf = frame.where("text is not null").withColumn("words", spark_package.embed_udf(sparse)("text"))
    expected = [(row.indices.tolist(), row.values.tolist()) for row in present(sparse)]
    assert [row and tuple(row) for row in column(found, "words")] == with_null(expected)
    assert [tuple(row["words"]) for row in sorted(by_udf.select("id", "words").collect())] == expected
    reranker = TextCrossEncoder(
        str(heads.assemble_reranker(heads.RERANKERS["plain"], tmp_path / "cross")), lazy_load=True
    )
    scored = spark_package.embed(frame, reranker, "text", query="number")
    there = [text for text in TEXTS if text is not None]
    expected = reranker.score("number", there)
    assert scored.schema["score"].dataType.simpleString() == "float"
    assert bits(column(scored, "score")) == with_null(bits(list(expected)))
    pairs = frame.where("text is not null").selectExpr("id", "text", "reverse(text) as question")
    score = spark_package.embed_udf(reranker, query_column=True)
    rows = sorted(pairs.select("id", score("text", "question").alias("score")).collect())
    expected = reranker.score_pairs([(text[::-1], text) for text in there])
    assert bits([row["score"] for row in rows]) == bits(list(expected))


def test_token_vectors_and_pictures(session, frame, tmp_path: Path) -> None:
    late = LateInteractionTextEmbedding(
        str(heads.assemble_colbert(heads.COLBERTS["authors"], tmp_path / "late")), lazy_load=True
    )
    found = spark_package.embed(frame, late, "text")
    assert found.schema["embedding"].dataType.simpleString() == "array<array<float>>"
    assert bits(column(found, "embedding")) == with_null(bits(present(late)))
    with pytest.raises(ValueError, match="array<array<float>>"):
        spark_package.embed_udf(late)
    model = ImageEmbedding("builtin:image", lazy_load=True)
    pictures = [(i, picture(i)) for i in range(3)]
    files = session.createDataFrame(pictures, "id long, picture binary")
    by_udf = files.withColumn("embedding", spark_package.embed_udf(model)("picture"))
    for found in (spark_package.embed(files, model, "picture"), by_udf):
        rows = sorted(found.select("id", "embedding").collect())
        assert bits([row["embedding"] for row in rows]) == bits(list(model.encode([data for _, data in pictures])))


def picture(number: int) -> bytes:
    import io

    image = pytest.importorskip("PIL.Image")
    pixels = np.random.default_rng(number).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    with io.BytesIO() as file:
        image.fromarray(pixels).save(file, "PNG")
        return file.getvalue()


def test_a_worker_that_is_killed_is_replaced_and_nothing_is_lost_or_twice(frame, minilm: str, tmp_path: Path) -> None:
    model = TextEmbedding(minilm, lazy_load=True)
    batches, killed = spark_package.EmbedBatches(model, "text", parallel=1), tmp_path / "killed"

    def deadly(incoming):
        for number, batch in enumerate(batches(incoming)):
            if number == 1 and not killed.exists():
                killed.write_text(str(os.getpid()))
                os.kill(os.getpid(), signal.SIGKILL)
            yield batch

    found = frame.mapInArrow(deadly, batches.schema(frame.schema))
    assert bits(column(found, "embedding")) == with_null(bits(present(model)))
    assert int(killed.read_text()) != os.getpid()


def test_a_worker_keeps_a_model_for_the_tasks_to_come(session, minilm: str) -> None:
    model = TextEmbedding(minilm, lazy_load=True)
    batches = spark_package.EmbedBatches(model, "text", parallel=1)

    def counted(incoming):
        for batch in batches(incoming):
            yield pa.RecordBatch.from_pydict(
                {"who": [os.getpid()], "now": [len(batch)], "ever": [shared(model).stats().texts]}
            )

    texts = session.createDataFrame([(text,) for text in TEXTS], "text string").coalesce(1)
    tasks = [texts.mapInArrow(counted, "who long, now long, ever long").collect() for _ in range(4)]
    workers = {row["who"] for task in tasks for row in task}
    for worker in workers:
        rows = [row for task in tasks for row in task if row["who"] == worker]
        # Had a task loaded the model anew, it would have counted from nothing. Others had the worker before.
        assert rows[-1]["ever"] - rows[0]["ever"] == sum(row["now"] for row in rows[1:])
    assert len(workers) < len(tasks)


def test_nothing_is_loaded_to_know_the_types_and_errors_come_at_the_call(frame) -> None:
    import cloudpickle

    absent = TextEmbedding("BAAI/bge-small-en-v1.5", local_files_only=True, lazy_load=True)
    assert spark_package.embed(frame, absent, "text").schema["embedding"].dataType.simpleString() == "array<float>"
    signs = spark_package.embed(frame, absent, "text", "signs", dtype="binary")
    assert signs.schema["signs"].dataType.simpleString() == "array<tinyint>"
    assert len(cloudpickle.dumps(spark_package.EmbedBatches(absent, "text"))) < 2000
    with pytest.raises(ValueError, match="id, text"):
        spark_package.embed(frame, absent, "texts")
    with pytest.raises(TypeError, match="rol"):
        spark_package.embed(frame, absent, "text", rol="query")
    with pytest.raises(ValueError, match=r"no type for .*halffloat"):
        spark_package.embed(frame, absent, "text", dtype="float16").schema  # noqa: B018
    with pytest.raises(TypeError, match="facades"):
        spark_package.embed(frame, "BAAI/bge-small-en-v1.5", "text")


def test_the_page_shows_what_runs(session, frame, minilm: str, tmp_path: Path) -> None:
    found = {"texts": frame.where("text is not null")}
    exec(example("rapidembed_spark", model=minilm, vectors=str(tmp_path / "vectors")), found)
    model = TextEmbedding(minilm)
    for made in (session.read.parquet(str(tmp_path / "vectors")), found["ranked"]):
        rows = sorted(made.select("id", "embedding").collect())
        assert bits([row["embedding"] for row in rows]) == bits(present(model))
