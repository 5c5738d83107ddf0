"""Short lists and rankings share batches with other callers, and nobody small waits for somebody big."""

import asyncio
import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from rapidembed import ClosedError, LateInteractionTextEmbedding, SparseTextEmbedding, TextCrossEncoder, TextEmbedding
from rapidembed.runtime.batcher import Batcher
from rapidembed.runtime.stream import _tokenize

from tests.core.test_batcher import Item, Job, Slow
from tests.fakes.pool import count_runs, held, queueing
from tests.golden.heads import COLBERTS, RERANKERS, SPLADES, assemble_colbert, assemble_reranker, assemble_splade

TEXTS = ["a", "b c", "the lazy dog", "hello", "d e", "hello world and more"]
CALLERS = 6


def waiting(model) -> int:
    return model.stats().queue_length


@pytest.fixture(scope="module")
def reranker(tmp_path_factory):
    with TextCrossEncoder(assemble_reranker(RERANKERS["plain"], tmp_path_factory.mktemp("r") / "model")) as model:
        model.rank("warm", TEXTS)
        yield model


async def test_lists_of_awaiting_callers_are_one_job(minilm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with TextEmbedding(minilm) as model:
        alone = [model.encode_document([*TEXTS, f"number {i}"]) for i in range(CALLERS)]
        sizes = count_runs(monkeypatch)
        async with queueing(lambda: waiting(model), CALLERS):
            tasks = [asyncio.create_task(model.aencode_document([*TEXTS, f"number {i}"])) for i in range(CALLERS)]
        np.testing.assert_array_equal(await asyncio.gather(*tasks), alone)
    assert sum(sizes) == CALLERS * 7
    assert len(sizes) <= 12, sizes  # 7 lengths at most; each alone would be 6 times as many


async def test_rankings_share_batches(reranker, monkeypatch: pytest.MonkeyPatch) -> None:
    queries = [f"query {'x ' * (i % 2)}" for i in range(CALLERS)]
    alone = [reranker.rank(query, TEXTS) for query in queries]
    scores = [reranker.score(query, TEXTS) for query in queries]
    sizes = count_runs(monkeypatch)
    async with queueing(lambda: waiting(reranker), CALLERS):
        tasks = [asyncio.create_task(reranker.arank(query, TEXTS)) for query in queries]
    assert await asyncio.gather(*tasks) == alone
    assert len(sizes) < CALLERS * len(TEXTS) / 3, sizes
    with ThreadPoolExecutor(CALLERS) as threads:
        with held() as go:
            found = [threads.submit(reranker.score, query, TEXTS) for query in queries]
            while waiting(reranker) < CALLERS:
                time.sleep(0.005)
            go()
        np.testing.assert_array_equal([each.result(20) for each in found], scores)


@pytest.mark.parametrize(
    ("kind", "assemble"),
    [
        (LateInteractionTextEmbedding, lambda path: assemble_colbert(COLBERTS["authors"], path)),
        (SparseTextEmbedding, lambda path: assemble_splade(next(iter(SPLADES.values())), path)),
    ],
)
async def test_lists_of_other_tasks(kind, assemble, tmp_path: Path) -> None:
    with kind(assemble(tmp_path / "model")) as model:
        alone = model.encode_document(TEXTS)
        async with queueing(lambda: waiting(model), 3):
            tasks = [asyncio.create_task(model.aencode_document(TEXTS)) for _ in range(3)]
        for found in await asyncio.gather(*tasks):
            for one, other in zip(found, alone, strict=True):
                for field in ("indices", "values") if kind is SparseTextEmbedding else ("T",):
                    np.testing.assert_array_equal(getattr(one, field), getattr(other, field))


async def test_what_a_list_in_the_queue_is_told(minilm: str) -> None:
    with TextEmbedding(minilm, truncate=False, max_tokens=16) as model, TextEmbedding(minilm, max_tokens=16) as other:
        model.encode(TEXTS)
        async with queueing(lambda: waiting(model), 3):
            good, bad = (asyncio.create_task(model.aencode(texts)) for texts in (TEXTS, ["fine", "too long " * 20]))
            closed = asyncio.create_task(other.aencode(TEXTS))
            await asyncio.sleep(0)
        other.close()
        with pytest.raises(ValueError, match=r"texts\[1\] has more than 16 tokens"):
            await bad
        assert (await good).shape == (6, 384)
        with pytest.raises(ClosedError):
            await closed


async def test_a_cancelled_list_is_not_computed(minilm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with TextEmbedding(minilm) as model:
        model.encode(TEXTS)
        sizes = count_runs(monkeypatch)
        async with queueing(lambda: waiting(model), 2):
            wanted, unwanted = (asyncio.create_task(model.aencode(texts)) for texts in (TEXTS[:2], TEXTS[2:]))
            while waiting(model) < 2:
                await asyncio.sleep(0.005)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(unwanted, 0.01)
        assert (await wanted).shape == (2, 384)
    assert sum(sizes) == 2


@pytest.mark.parametrize("options", [{"batch_size": 2}, {"parallel": 1}])
def test_who_says_how_to_batch_is_not_merged(minilm: str, options: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    with TextEmbedding(minilm) as model, ThreadPoolExecutor(1) as threads:
        model.encode(TEXTS)
        sizes = count_runs(monkeypatch)
        with held():
            calls = threads.submit(lambda: model.encode(["a"] * 6, **options))
            time.sleep(0.1)
            assert waiting(model) == 0
        calls.result(20)
    assert max(sizes) <= options.get("batch_size", 6)


# Who comes first


@pytest.fixture
def slow():
    engine = Slow()
    yield engine
    engine.go.set()
    engine.pool.stop()


def test_a_lone_input_waits_for_the_first_of_a_list_only(slow: Slow) -> None:
    batcher = Batcher(slow)
    batcher.meter._running, batcher.meter._tokens = 100.0, 100  # a second for each token
    slow.block()
    with ThreadPoolExecutor(2) as threads:
        # Each of another length, so that each is a batch.
        long = threads.submit(batcher.run_few, Job([Item(length, length) for length in range(10, 20)]))
        while not batcher._arrived:
            time.sleep(0.005)
        lone = threads.submit(batcher.run_one, Item(5, 5))
        while len(batcher._arrived) < 2:
            time.sleep(0.005)
        slow.go.set()
        assert lone.result(10)[0, 0] == 5
        assert long.result(10) == list(range(10, 20))
    assert slow.ran.index([5]) == 1


def test_models_take_turns(slow: Slow) -> None:
    other = Slow()
    other.pool.stop()
    other.pool, other.go, other.ran = slow.pool, slow.go, slow.ran
    batchers = Batcher(slow), Batcher(other)
    slow.block()
    with ThreadPoolExecutor(2) as threads:
        # Each of another length, so that each is a batch.
        jobs = [Job([Item(100 * which + i, 100 * which + i) for i in range(1, 5)]) for which in range(2)]
        asked = [threads.submit(batcher.run_few, job) for batcher, job in zip(batchers, jobs, strict=True)]
        while not all(batcher._arrived for batcher in batchers):
            time.sleep(0.005)
        slow.go.set()
        assert [each.result(10) for each in asked] == [[1, 2, 3, 4], [101, 102, 103, 104]]
    turns = [numbers[0] > 100 for numbers in slow.ran]
    assert all(one != other for one, other in itertools.pairwise(turns)), slow.ran


def test_bulk_work_goes_in_small_pieces_beside_queries(minilm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    texts, tokens = ["one and the same text"] * 100, 7
    with TextEmbedding(minilm) as model:
        pool = model._loaded().engine.pool
        sizes = count_runs(monkeypatch)
        alone = model.encode(texts)
        assert max(sizes) * tokens > 128
        sizes.clear()
        monkeypatch.setattr(type(pool), "pressed", True)
        np.testing.assert_array_equal(model.encode(texts), alone)
        assert max(sizes) * tokens <= 128
        assert model.encode(["long " * 200]).shape == (1, 384)  # more than a piece, and not to be cut


def test_a_window_is_tokenized_in_pieces(slow: Slow) -> None:
    class Steps:
        def ready(self, items):
            time.sleep(0.001)
            return [Item(1, item) for item in items]

    batcher, found = Batcher(slow), []
    asked = threading.Thread(target=lambda: found.extend(_tokenize(batcher, list(range(300)), Steps(), 1)))
    asked.start()
    time.sleep(0.02)
    slow.pool.submit_urgent(lambda: found.append("query")).result(10)
    asked.join(10)
    assert found[0] == "query"
    assert [item.number for item in found[1:]] == list(range(300))


# Callers who come one by one


async def test_a_lone_caller_always_finds_the_cores_free(minilm: str) -> None:
    with TextEmbedding(minilm, threads=2) as model:
        model.encode(TEXTS)
        while not model._loaded().engine.pool.idle:  # a thread may be stopped between its work and its end
            await asyncio.sleep(0.001)
        for text in TEXTS * 2:
            await model.aencode_query(text)
        assert model.stats().queued == 0


def test_a_lone_caller_of_lists_keeps_to_the_plan_for_all_cores(minilm: str) -> None:
    with TextEmbedding(minilm, threads=2) as model:
        for _ in range(20):
            model.encode(TEXTS)
        assert model.stats().queued <= 4 * len(TEXTS)  # a thread may be stopped between its work and its end
