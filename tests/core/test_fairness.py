"""Who waits how long, in a time of its own: engines, threads and clock are pretended, the queue is the real one."""

import heapq
import itertools
import random
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rapidembed.runtime import batcher, planner, tickets
from rapidembed.runtime.batcher import Batcher
from rapidembed.runtime.planner import Batch
from rapidembed.runtime.tickets import Ticket

from tests.core.test_batcher import Item, Job

CALLERS, CORES, HIDDEN = 64, 2, 384


class PretendedPool:
    """Two threads; what runs on them takes as long as its engine says."""

    size, idle = CORES, False

    def __init__(self) -> None:
        self.waiting: deque[tuple[Callable[[], Any], Future[Any]]] = deque()

    def submit_urgent(self, task: Callable[[], Any]) -> "Future[Any]":
        future: Future[Any] = Future()
        self.waiting.append((task, future))
        return future


class PretendedEngine:
    """A batch takes as many milliseconds as ``each``, and more for every token."""

    key = backend = None
    cores = workers = CORES

    def __init__(self, *, packs: bool) -> None:
        self.pool, self.fills, self.cost = PretendedPool(), not packs, 0.0
        self.rows: list[int] = []

    def group(self, item: Item) -> int:
        return item.length if self.fills else 0

    def plan(self, inputs: list[Item], max_rows: int) -> list[Batch]:
        lengths = [item.length for item in inputs]
        if self.fills:
            return planner.plan_cpu(lengths, hidden=HIDDEN, max_rows=max_rows, workers=CORES, width=1)
        return planner.plan_packed(lengths, hidden=HIDDEN, max_rows=max_rows, workers=CORES)

    def run(self, inputs: list[Item], length: int, extra: object = None) -> np.ndarray:
        assert length == max(item.length for item in inputs)
        self.rows.append(len(inputs))
        self.cost = 0.001 + 0.0001 * sum(item.length for item in inputs)
        return np.array([[item.number] for item in inputs], dtype=np.float32)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, to be set."""
    now = [0.0]
    pretended = SimpleNamespace(perf_counter=lambda: now[0])
    monkeypatch.setattr(batcher, "time", pretended)
    monkeypatch.setattr(tickets, "time", pretended)
    return now


def waits(engine: PretendedEngine, clock: list[float], calls: int) -> list[float]:
    """What each call of callers took who ask again as soon as they are answered."""
    served, queue, draw, numbers = [], Batcher(engine), random.Random(7), itertools.count()

    def ask() -> None:
        future: Future[Any] = Future()
        began, item = clock[0], Item(3 + round(1.4 * draw.randint(2, 14)), next(numbers))

        def answered(done: "Future[Any]") -> None:
            assert done.result() == [item.number]
            served.append(clock[0] - began)
            ask()

        future.add_done_callback(answered)
        queue._queue(Ticket(future, Job([item])))

    for _ in range(CALLERS):
        ask()
    ends: list[tuple[float, int, Future[Any], Any]] = []
    while len(served) < calls:
        while engine.pool.waiting and len(ends) < CORES:
            task, future = engine.pool.waiting.popleft()
            engine.cost = 0.0
            result = task()
            heapq.heappush(ends, (clock[0] + engine.cost, next(numbers), future, result))
        clock[0], _, future, result = heapq.heappop(ends)
        future.set_result(result)
    return served[CALLERS * 4 :]


@pytest.mark.parametrize("packs", [True, False])
def test_nobody_waits_much_longer_than_the_others(packs: bool, clock: list[float]) -> None:
    engine = PretendedEngine(packs=packs)
    found = waits(engine, clock, 3000)
    fair, p99 = float(np.mean(found)), float(np.percentile(found, 99))
    assert np.mean(engine.rows) > (8 if packs else 2)
    assert p99 < 1.5 * fair, (p99 / fair, np.mean(engine.rows))
