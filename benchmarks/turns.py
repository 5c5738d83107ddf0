"""Calls that take turns, so that a slow minute hits all of them."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from typing import Any, TypeVar

Found = TypeVar("Found")
Key = TypeVar("Key")


def turns(calls: Mapping[Key, Callable[[], Found]], rounds: int, warm: int = 1) -> dict[Key, list[Found]]:
    """What each call returned in its rounds; those that warm up are not among them."""
    found: dict[Key, list[Found]] = {name: [] for name in calls}
    for number in range(warm + rounds):
        for name, call in calls.items():
            answer = call()
            if number >= warm:
                found[name].append(answer)
    return found


def in_turns(
    calls: Sequence[Callable[[], Any]],
    rounds: int,
    *,
    clock: Callable[[], float] = time.perf_counter,
    of: Callable[[Iterable[float]], float] = median,
) -> list[float]:
    """Seconds of each call by the clock, the median ``of`` its rounds; a first round warms up and is not counted."""

    def timed(call: Callable[[], Any]) -> Callable[[], float]:
        def run() -> float:
            start = clock()
            call()
            return clock() - start

        return run

    return [of(taken) for taken in turns({i: timed(call) for i, call in enumerate(calls)}, rounds).values()]
