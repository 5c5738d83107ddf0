"""What a model says it has done is what it did."""

import asyncio
import time
from pathlib import Path

import pytest
from rapidembed import SparseTextEmbedding, Stats, TextCrossEncoder, TextEmbedding
from rapidembed.runtime.meter import Work
from rapidembed.runtime.onnx_engine import OnnxEngine
from rapidembed.tasks.call import Call
from rapidembed.tasks.stats import CallMeter, Measured

from tests.golden.heads import RERANKERS, assemble_reranker


def test_sums_of_calls_and_of_the_network(minilm: str) -> None:
    with TextEmbedding(minilm, lazy_load=True, threads=1, max_tokens=33) as model:
        assert model.stats() == Stats(0, 0, 0, 0.0, 0.0, 0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0, 0)
        texts = ["one", "two words", "three words here", "a cat"]
        model.encode(texts)
        model.encode_query("a cat")
        list(model.embed(iter(texts)))
        with pytest.raises(TypeError):
            model.encode(iter(["fine", None]))
        found = model.stats()
        assert (found.calls, found.errors, found.texts) == (4, 1, 10)
        tokens = 2 * model.token_count(texts) + model.token_count(["a cat", "fine"])
        assert (found.tokens, found.padding) == (tokens, 0.0)
        assert found.batches * found.batch_rows == pytest.approx(10)
        assert 0 < found.p50 <= found.p99 < 60
        assert found.running_time > 0
        assert found.tokenizing_time > 0
        assert (found.queued, found.queue_length) == (0, 0)
    assert model.stats().calls == 4
    assert model.stats().tokens == 0


async def test_who_queues_is_counted(minilm: str) -> None:
    with TextEmbedding(minilm, threads=1, max_tokens=34) as model:
        await asyncio.gather(*(model.aencode_query(f"number {i}") for i in range(20)))
        found = model.stats()
        assert found.calls == found.texts == 20
        assert 10 <= found.queued <= 20
        assert found.waiting_time > 0
        assert found.queue_length == 0
        assert found.batches < 20


def test_padding_is_seen(minilm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run = OnnxEngine.run
    with TextEmbedding(minilm, threads=1, max_tokens=35, precision="fp32") as model:
        engine = model._loaded().engine
        monkeypatch.setattr(OnnxEngine, "run", lambda self, inputs, length, extra: run(self, inputs, inputs[0].length))
        short, long = engine.tokenizer.encode(["a"] * 2, 35)
        engine.run([short, long], 6)
        assert model.stats().padding == 0.5


def test_every_facade_has_them(tmp_path: Path) -> None:
    words = SparseTextEmbedding("Qdrant/bm25")
    words.encode(["a", "b"])
    assert (words.stats().calls, words.stats().texts, words.stats().tokens) == (1, 2, 0)
    with TextCrossEncoder(assemble_reranker(RERANKERS["plain"], tmp_path / "model")) as model:
        model.rank("a", ["b", "c"])
        list(model.rerank("a", ["b"]))
        assert (model.stats().calls, model.stats().texts) == (2, 3)
        assert model.stats().batch_rows >= 1


def test_percentiles() -> None:
    meter = CallMeter()
    for milliseconds in range(1, 101):
        meter.add(1, milliseconds / 1000, failed=False)
    meter.add(1, None, failed=False)
    found = meter.read(Work())
    assert found.p50 == pytest.approx(0.050, rel=0.03)
    assert found.p99 == pytest.approx(0.099, rel=0.03)
    assert (found.calls, found.texts) == (101, 101)
    few = CallMeter()
    for milliseconds in (1, 100):
        few.add(1, milliseconds / 1000, failed=False)
    assert few.read(Work()).p99 == pytest.approx(0.1, rel=0.03)


def test_they_cost_next_to_nothing() -> None:
    from contextlib import nullcontext

    meter, call = CallMeter(), Call()
    started = time.thread_time()
    for _ in range(2000):
        with Measured(meter, nullcontext(), call, stream=False):
            pass
    assert (time.thread_time() - started) / 2000 < 50e-6  # some 3 µs on a quiet machine
