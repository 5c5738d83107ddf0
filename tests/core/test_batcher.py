"""Concurrent callers share batches, and nobody is lost, held up or mixed up."""

import asyncio
import math
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from rapidembed import ClosedError, LateInteractionTextEmbedding, NonFiniteError, TextEmbedding
from rapidembed.runtime import lease, workers
from rapidembed.runtime.batcher import Batcher
from rapidembed.runtime.planner import Batch

from tests.golden.heads import COLBERTS, assemble_colbert

TINY = Path(__file__).parents[1] / "golden" / "base"
TEXTS = ["a " * (1 + i % 5) + f"query number {i}" for i in range(64)]


@dataclass
class Item:
    length: int
    number: int


class Slow:
    """An engine that says what it ran; the first batches wait until ``go``."""

    key = backend = None
    cores = workers = 1
    fills = True

    def __init__(self) -> None:
        self.pool = workers.ComputePool(1)
        self.go = threading.Event()
        self.ran: list[list[int]] = []
        self.alone: list[int] = []

    def block(self) -> None:
        """Keep the pool's thread and the spare one until ``go``."""
        for submit in (self.pool.submit, self.pool.submit_urgent):
            taken = threading.Event()
            submit(lambda taken=taken: (taken.set(), self.go.wait(10)))
            assert taken.wait(10)

    def group(self, item):
        return item.length

    def plan(self, inputs, max_rows):
        rows: dict[int, list[int]] = {}
        for row, item in enumerate(inputs):
            rows.setdefault(item.length, []).append(row)
        return [Batch(tuple(each[:max_rows]), length) for length, each in sorted(rows.items())]

    def run(self, inputs, length, extra=None):
        assert {item.length for item in inputs} == {length}
        self.go.wait(10)
        self.ran.append([item.number for item in inputs])
        if any(item.number < 0 for item in inputs):
            raise NonFiniteError("a bad batch")
        return np.array([[item.number + (extra or {}).get("more", 0)] for item in inputs], dtype=np.float32)

    def run_one(self, item, extra=None):
        self.alone.append(item.number)
        return np.array([[item.number]], dtype=np.float32)


@pytest.fixture
def slow():
    engine = Slow()
    yield engine
    engine.go.set()
    engine.pool.stop()


class Job:
    """Wants the numbers of its items back."""

    def __init__(self, items: list[Item], extra: dict[str, int] | None = None) -> None:
        self.items, self.extra = items, extra or {}
        self.values: list[float] = [math.nan] * len(items)

    def make(self) -> list[Item]:
        return self.items

    def keep(self, rows: list[int], inputs: list[Item], output: np.ndarray) -> None:
        assert [self.items[row] for row in rows] == inputs
        assert output.shape == (len(rows), 1)
        for row, each in zip(rows, output[:, 0], strict=True):
            assert math.isnan(self.values[row])
            self.values[row] = float(each)

    def result(self) -> list[float]:
        return self.values


class BadJob(Job):
    def make(self) -> list[Item]:
        raise ValueError("no input")


async def ask(batcher: Batcher, number: int, length: int = 1, extra: dict[str, int] | None = None) -> float:
    return (await batcher.arun_one(Job([Item(length, number)], extra)))[0]


async def busy(engine: Slow, batcher: Batcher) -> "asyncio.Task[float]":
    """Keep the only worker at a batch of its own."""
    engine.block()
    first = asyncio.create_task(ask(batcher, 99, length=99))
    await asyncio.sleep(0.05)
    return first


def test_who_is_alone_computes_at_once(slow: Slow) -> None:
    assert Batcher(slow).run_one(Item(1, 7))[0, 0] == 7
    assert (slow.alone, slow.ran, slow.pool._threads) == ([7], [], [])


async def test_what_waits_runs_together_by_length_longest_waiting_first(slow: Slow) -> None:
    batcher = Batcher(slow)
    first = await busy(slow, batcher)
    others = [asyncio.create_task(ask(batcher, i, length=2 - i % 2)) for i in range(6)]
    await asyncio.sleep(0.05)
    slow.go.set()
    assert await asyncio.gather(*others) == [0, 1, 2, 3, 4, 5]
    assert await first == 99
    assert slow.ran == [[99], [0, 2, 4], [1, 3, 5]]


async def test_what_is_fed_otherwise_runs_apart(slow: Slow) -> None:
    batcher = Batcher(slow)
    await busy(slow, batcher)
    others = [asyncio.create_task(ask(batcher, i, extra={"more": i % 2})) for i in range(4)]
    await asyncio.sleep(0.05)
    slow.go.set()
    assert await asyncio.gather(*others) == [0, 2, 2, 4]
    assert slow.ran[1:] == [[0, 2], [1, 3]]


async def test_a_cancelled_call_is_not_computed(slow: Slow) -> None:
    batcher = Batcher(slow)
    await busy(slow, batcher)
    wanted, unwanted = (asyncio.create_task(ask(batcher, i)) for i in (1, 2))
    await asyncio.sleep(0.05)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(unwanted, 0.01)
    slow.go.set()
    assert await wanted == 1
    assert slow.ran[1:] == [[1]]


async def test_an_error_belongs_to_its_batch_and_a_bad_input_to_its_caller(slow: Slow) -> None:
    batcher = Batcher(slow)
    await busy(slow, batcher)
    calls = [ask(batcher, -1, length=3), ask(batcher, 5), batcher.arun_one(BadJob([])), ask(batcher, 6)]
    tasks = [asyncio.create_task(call) for call in calls]
    await asyncio.sleep(0.05)
    slow.go.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [repr(each) for each in results] == [
        "NonFiniteError('a bad batch')",
        "5.0",
        "ValueError('no input')",
        "6.0",
    ]
    assert await ask(batcher, 8) == 8


async def test_a_batcher_that_the_interpreters_end_finds_waiting_tells_its_callers(slow: Slow) -> None:
    batcher = Batcher(slow)
    first = await busy(slow, batcher)
    other = asyncio.create_task(ask(batcher, 1))
    await asyncio.sleep(0.05)
    slow.pool._stopping = True
    slow.go.set()
    for task in (first, other):
        with pytest.raises(RuntimeError, match="shut"):
            await task


async def test_a_pool_that_takes_nothing_any_more_tells_its_callers_and_forgets_them(
    slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    batcher = Batcher(slow)
    slow.block()

    def refuse(task: object) -> None:
        raise RuntimeError("cannot schedule new futures after interpreter shutdown")

    monkeypatch.setattr(slow.pool, "submit_urgent", refuse)
    with pytest.raises(RuntimeError, match="after interpreter shutdown"):
        await asyncio.wait_for(ask(batcher, 1), 5)
    assert (batcher.work().queue, batcher._turns) == (0, 0)


def test_threads_get_what_they_asked_for(slow: Slow) -> None:
    batcher = Batcher(slow)
    slow.block()
    with ThreadPoolExecutor(16) as threads:
        results = [threads.submit(batcher.run_one, Item(1 + i % 3, i)) for i in range(16)]
        deadline = time.monotonic() + 5
        while len(batcher._arrived) < 16 and time.monotonic() < deadline:
            time.sleep(0.01)
        slow.go.set()
        assert [result.result(10)[0, 0] for result in results] == list(range(16))
    assert len(slow.ran) == 3


# Models


def test_a_lone_query_takes_few_steps_and_keeps_nothing_of_the_engine_s(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps, not time: after a run of the model the caches hold none of them, and each takes its microsecond."""
    with TextEmbedding(TINY) as model:
        expected, inner = model.encode_query("hello"), model._loaded().engine._engine
        output, steps = expected[None].copy(), []
        monkeypatch.setattr(inner, "run_one", lambda *_: output)
        model.encode_query("hello")
        sys.setprofile(lambda frame, event, _: steps.append(event) if "call" in event else None)
        found = model.encode_query("hello")
        sys.setprofile(None)
    np.testing.assert_array_equal(found, expected)
    assert not np.shares_memory(found, output)
    assert len(steps) < 120  # of which 15 tokenize


async def test_vectors_do_not_depend_on_who_waits_beside(minilm: str) -> None:
    model = TextEmbedding(minilm)
    alone = [model.encode_query(text) for text in TEXTS]
    together = await asyncio.gather(*(model.aencode_query(text) for text in TEXTS))
    np.testing.assert_allclose(together, alone, atol=2e-6)
    with ThreadPoolExecutor(16) as threads:
        np.testing.assert_allclose(list(threads.map(model.encode_query, TEXTS)), alone, atol=2e-6)


async def test_concurrent_callers_share_batches_and_no_threads(minilm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, sizes = TextEmbedding(minilm), []
    inner = model._loaded().engine._engine
    run = inner.run
    monkeypatch.setattr(inner, "run", lambda inputs, *rest: (sizes.append(len(inputs)), run(inputs, *rest))[1])
    before = threading.active_count()
    await asyncio.gather(*(model.aencode_query(text) for text in TEXTS))
    assert sum(sizes) >= 60
    assert len(sizes) < 40
    assert threading.active_count() <= before + 1


async def test_other_facades_take_part(tmp_path: Path) -> None:
    model = LateInteractionTextEmbedding(assemble_colbert(COLBERTS["authors"], tmp_path / "model"))
    many = model.encode_document(TEXTS[:8])
    for one, other in zip(await asyncio.gather(*map(model.aencode_document, TEXTS[:8])), many, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-6)


async def test_the_switch(minilm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAPIDEMBED_BATCHING", "0")
    with TextEmbedding(minilm, threads=1, max_tokens=17, lazy_load=True) as model:
        assert not model._loaded().engine.together
        assert (await model.aencode_query("x")).shape == (384,)
    monkeypatch.setenv("RAPIDEMBED_BATCHING", "no")
    with pytest.raises(ValueError, match="RAPIDEMBED_BATCHING must be 0 or 1, got 'no'"):
        TextEmbedding(minilm, threads=1)


async def test_closing_ends_who_waits(minilm: str) -> None:
    model = TextEmbedding(minilm)
    calls = [asyncio.create_task(model.aencode_query(text)) for text in TEXTS]
    await asyncio.sleep(0)
    model.close()
    results = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 20)
    assert {type(each) for each in results} <= {np.ndarray, ClosedError}
    assert any(isinstance(each, ClosedError) for each in results)
    assert len(lease._engines) == 0 or model._model is None


async def test_a_burst_leaves_the_event_loop_alone(minilm: str) -> None:
    model, gaps = TextEmbedding(minilm), []

    async def tick() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.005)
            gaps.append(time.perf_counter() - began - 0.005)

    ticker = asyncio.create_task(tick())
    await asyncio.sleep(0.02)
    await asyncio.gather(*(model.aencode([text]) for text in TEXTS), *(model.aencode_query(text) for text in TEXTS))
    ticker.cancel()
    assert max(gaps) < 0.25  # 0.02 on a quiet machine; this one may be busy
