"""Calls that take turns, so that a slow minute hits all of them."""

import time
from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import Any


def in_turns(
    calls: Sequence[Callable[[], Any]],
    rounds: int,
    *,
    clock: Callable[[], float] = time.perf_counter,
    of: Callable[[Iterable[float]], float] = median,
) -> list[float]:
    """Seconds of each call by the clock, the median ``of`` its rounds; a first round warms up and is not counted."""
    taken: list[list[float]] = [[] for _ in calls]
    for number in range(1 + rounds):
        for call, seconds in zip(calls, taken, strict=True):
            start = clock()
            call()
            if number:
                seconds.append(clock() - start)
    return [of(seconds) for seconds in taken]
