"""Holds the process's compute pool, so that what is asked for meanwhile queues, whatever the machine's speed."""

import asyncio
import importlib.util
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partialmethod

import pytest
from rapidembed.runtime.onnx_engine import OnnxEngine
from rapidembed.runtime.workers import SPARE, compute_pool


@contextmanager
def held() -> Iterator[Callable[[], None]]:
    """The pool's threads wait until the context ends, or until what it gives is called."""
    pool, go = compute_pool(), threading.Event()
    for submit, count in ((pool.submit_first, pool.size), (pool.submit_urgent, min(pool.size, SPARE))):
        taken = threading.Barrier(count + 1)
        for _ in range(count):
            submit(lambda taken=taken: (taken.wait(20), go.wait(20)))
        taken.wait(20)
    try:
        yield go.set
    finally:
        go.set()


@asynccontextmanager
async def queueing(count: Callable[[], int], wanted: int) -> AsyncIterator[None]:
    """Tasks that are started in the context queue until as many as ``wanted`` do, by ``count``."""
    with held():
        yield
        deadline = time.monotonic() + 20
        while count() < wanted:
            assert time.monotonic() < deadline, f"{count()} of {wanted} are in the queue"
            await asyncio.sleep(0.005)


def count_runs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of inputs in each run of any model, from now on."""
    sizes: list[int] = []

    def counted(self, *given, forward, at, **named):
        sizes.append(len(given[at]))
        return forward(self, *given, **named)

    engines = [(OnnxEngine, 1)]
    if importlib.util.find_spec("rapidembed_native"):
        from rapidembed.runtime.native_engine import NativeEngine

        engines.append((NativeEngine, 0))
    for engine, at in engines:
        monkeypatch.setattr(engine, "_forward", partialmethod(counted, forward=engine._forward, at=at))
    return sizes
