"""Concurrent callers of a framework share batches without doing anything: runs of the model are counted."""

import asyncio
from collections.abc import Callable

import numpy as np
import pytest
from haystack_integrations.components.embedders.rapidembed import FastembedTextEmbedder
from rapidembed import TextEmbedding
from rapidembed_langchain import FastEmbedEmbeddings
from rapidembed_llamaindex import FastEmbedEmbedding

from tests.fakes.pool import count_runs, queueing

CALLERS = 24
TEXTS = [f"a query number {i % 7}" for i in range(CALLERS)]


def langchain(model: str):
    made = FastEmbedEmbeddings(model_name=model)
    return made.aembed_query


def llamaindex(model: str):
    return FastEmbedEmbedding(model_name=model).aget_query_embedding


def haystack(model: str):
    made = FastembedTextEmbedder(model)
    made.warm_up()

    async def query(text: str):
        return (await made.run_async(text))["embedding"]

    return query


@pytest.mark.parametrize("framework", [langchain, llamaindex, haystack])
async def test_awaited_queries_are_few_runs(framework: Callable, minilm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    query = framework(minilm)
    with TextEmbedding(minilm) as model:  # shares the framework's engine
        alone = model.encode_query(TEXTS)
        await query("the first call loads")
        sizes = count_runs(monkeypatch)
        async with queueing(lambda: model.stats().queue_length, CALLERS):
            tasks = [asyncio.create_task(query(text)) for text in TEXTS]
        together = await asyncio.gather(*tasks)
    assert sum(sizes) == CALLERS
    assert len(sizes) <= CALLERS // 3, sizes
    np.testing.assert_array_equal(np.array(together, dtype=np.float32), alone)
