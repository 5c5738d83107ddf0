"""Callers in a closed loop: each sends its next query when it has the last one's vector, and a pause is over."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.paths import ROOT

TICK = 0.005

Sync = Callable[[str], Any]
Async = Callable[[str], Awaitable[Any]]


def queries(count: int = 2000) -> list[str]:
    """Queries of 2 to 14 words out of the README, the same in every run."""
    words, drawn = (ROOT / "README.md").read_text(encoding="utf-8").split(), random.Random(1)
    return [" ".join(drawn.choices(words, k=drawn.randint(2, 14))) for _ in range(count)]


@dataclass
class Loop:
    """What one way of calling came to; runs of the same way add up."""

    callers: int
    times: list[float] = field(default_factory=list)
    """Seconds of each query."""
    ticks: list[float] = field(default_factory=list)
    """Seconds that a coroutine which sleeps for :data:`TICK` came too late: so long the event loop was held."""
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    @contextmanager
    def running(self, seconds: float) -> Iterator[float]:
        """Gives the time until which callers go on; adds up what passes until the last of them is done."""
        started, cpu = time.perf_counter(), time.process_time()
        yield started + seconds
        self.seconds += time.perf_counter() - started
        self.cpu_seconds += time.process_time() - cpu

    def figures(self) -> dict[str, float]:
        """Rates and milliseconds. ``fair_ms`` is what a query takes if all callers wait for the same throughput."""
        p50, p99 = (1e3 * float(np.percentile(self.times, q)) for q in (50, 99))
        rate = len(self.times) / self.seconds
        found = {"qps": rate, "p50_ms": p50, "p99_ms": p99, "fair_ms": 1e3 * self.callers / rate}
        found["cpu_ms"] = 1e3 * self.cpu_seconds / len(self.times)
        if self.ticks:
            found["tick_max_ms"] = 1e3 * max(self.ticks)
        return {name: round(value, 2) for name, value in found.items()}


def with_threads(call: Sync, texts: list[str], loop: Loop, seconds: float) -> None:
    def caller(number: int) -> None:
        while (began := time.perf_counter()) < stop:
            call(texts[number % len(texts)])
            loop.times.append(time.perf_counter() - began)
            number += loop.callers

    with loop.running(seconds) as stop, ThreadPoolExecutor(loop.callers) as pool:
        list(pool.map(caller, range(loop.callers)))


def with_tasks(call: Async, texts: list[str], loop: Loop, seconds: float, pause: float = 0.0) -> None:
    async def run() -> None:
        async def caller(number: int) -> None:
            if pause:
                await asyncio.sleep(pause * number / loop.callers)
            while (began := time.perf_counter()) < stop:
                await call(texts[number % len(texts)])
                loop.times.append(time.perf_counter() - began)
                number += loop.callers
                if pause:
                    await asyncio.sleep(pause)

        with loop.running(seconds) as stop:
            ticker = asyncio.create_task(tick(loop.ticks))
            await asyncio.gather(*(caller(number) for number in range(loop.callers)))
            ticker.cancel()

    asyncio.run(run())


async def tick(late: list[float]) -> None:
    """How late each tick comes, until cancelled."""
    while True:
        began = time.perf_counter()
        await asyncio.sleep(TICK)
        late.append(time.perf_counter() - began - TICK)
