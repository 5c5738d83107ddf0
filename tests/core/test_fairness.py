"""Who waits how long, in a time of its own: engines, threads and clock are pretended, the queue is the real one."""

import heapq
import itertools
import random
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rapidembed.runtime import batcher, planner, tickets
from rapidembed.runtime.batcher import Batcher
from rapidembed.runtime.planner import Batch
from rapidembed.runtime.tickets import Ticket
from rapidembed.runtime.workers import ComputePool

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


@dataclass
class Running:
    """A task, and how many seconds of a core it still needs."""

    kind: str
    left: float
    done: Callable[[], None]
    account: Callable[[], None] = lambda: None


class Cores:
    """Two cores that run what a real pool hands out, all at the same speed; the pool has no threads of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ComputePool, "_start_thread", lambda pool: pool._threads.append(None))
        self.pool, self.now = ComputePool(CORES), 0.0
        self.running: list[Running] = []
        self.spent = {"urgent": 0.0, "bulk": 0.0}
        """Seconds of cores."""

    def submit(self, kind: str, seconds: float, done: Callable[[], None]) -> None:
        submit = self.pool.submit_urgent if kind == "urgent" else self.pool.submit
        submit(lambda: self.running.append(Running(kind, seconds, done)))

    def run(self, until: float) -> None:
        while self.now < until - 1e-9:
            while self.pool._next() is not None:
                self._begin()
            speed = min(1.0, CORES / max(1, len(self.running)))
            used = min([speed * (until - self.now), *(each.left for each in self.running)])
            for each in self.running:
                each.left -= used
                self.spent[each.kind] += used
            self.now += used / speed
            for each in [each for each in self.running if each.left < 1e-9]:
                self.running.remove(each)
                each.done()
                each.account()

    def _begin(self) -> None:
        task, urgent, due = self.pool._take()
        began = self.now
        task()
        self.running[-1].account = lambda: self.pool._account(urgent, due * (self.now - began))


def bulk_job(cores: Cores, seconds: float) -> None:
    """Two lanes of batches, one after the other."""

    def again() -> None:
        cores.submit("bulk", seconds, again)

    for _ in range(CORES):
        again()


def test_a_query_amid_bulk_work_waits_for_no_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight callers who pause: a query of 3 ms every 25 ms beside batches of 60 ms."""
    cores, took = Cores(monkeypatch), []
    bulk_job(cores, 0.060)
    for number in range(400):
        cores.run(0.025 * number)
        cores.submit("urgent", 0.003, lambda began=cores.now: took.append(cores.now - began))
    assert len(took) > 390
    assert max(took) <= 2 * 0.003
    assert cores.spent["bulk"] >= 0.85 * CORES * cores.now


def test_bulk_work_keeps_its_share_beside_callers_who_do_not_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    cores = Cores(monkeypatch)

    def turn() -> None:
        cores.submit("urgent", 0.010, turn)

    turn()
    turn()
    bulk_job(cores, 0.020)
    cores.run(60.0)
    assert 0.09 < cores.spent["bulk"] / (CORES * cores.now) < 0.2
    assert sum(cores.spent.values()) == pytest.approx(CORES * cores.now, rel=0.01)  # no core was idle
