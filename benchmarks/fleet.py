"""Many machines on paper: how long a corpus takes while machines come, work and are lost, event by event.

Assumed: a machine that is lost takes the shard that it works on with it, and nothing else; another one is started at
once; a file that is written stays. Chance has a seed: the same fleet has the same outcome.
"""

import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import NamedTuple

HOUR = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """Machines that take shards from one list, and what happens to them. Times are in seconds."""

    texts: int
    shard: int
    """Texts in a shard: what one machine takes, and writes as one file."""
    machines: int
    rate: float
    """Texts a second of one machine."""
    start: float = 120.0
    """From asking for a machine to its first text: boot, image, model."""
    overhead: float = 3.0
    """Of a shard, beside its texts: opening, uploading and renaming a file."""
    life: float | None = None
    """Mean time until a machine is taken away; lives are exponential. None: none ever is."""
    notice: float = 300.0
    """From the loss of a machine until another may take its shard."""
    spread: float = 0.1
    """Of the machines' speeds: standard deviation of their logarithm."""
    seed: int = 0

    @property
    def shards(self) -> int:
        """How many there are; the last may be smaller, which is not simulated."""
        return -(-self.texts // self.shard)


class Outcome(NamedTuple):
    """What came of it."""

    seconds: float
    """From asking for the first machine to the last file."""
    busy: float
    """Machine-seconds of work that ended in a file."""
    lost: float
    """Machine-seconds of work that a lost machine took with it."""
    losses: int
    """Machines lost."""
    written: list[int]
    """How often each shard was written."""


def simulate(fleet: Fleet) -> Outcome:
    """Until every shard is written once."""
    chance = random.Random(fleet.seed)
    events: list[tuple[float, int, Callable[[float], None]]] = []
    """A heap: when something happens, its number, and what."""
    numbers = count()
    waiting = deque(range(fleet.shards))
    idle: list[tuple[float, float]] = []
    """Speeds of machines without a shard, and when each will be lost."""
    written = [0] * fleet.shards
    busy, lost = [], []

    def at(time: float, event: Callable[..., None], *about: float) -> None:
        heapq.heappush(events, (time, next(numbers), partial(event, *about)))

    def born(now: float) -> None:
        speed = chance.lognormvariate(0, fleet.spread) if fleet.spread else 1.0
        take(speed, now + chance.expovariate(1 / fleet.life) if fleet.life else float("inf"), now)

    def take(speed: float, end: float, now: float) -> None:
        if end <= now:  # lost while it waited
            at(now + fleet.start, born)
        elif waiting:
            shard = waiting.popleft()
            done = now + fleet.overhead + fleet.shard / (fleet.rate * speed)
            at(min(done, end), over, shard, now, done, speed, end)
        else:
            idle.append((speed, end))

    def over(shard: int, since: float, done: float, speed: float, end: float, now: float) -> None:
        if done <= end:
            written[shard] += 1
            busy.append(now - since)
            take(speed, end, now)
        else:
            lost.append(now - since)
            at(now + fleet.notice, free, shard)
            at(now + fleet.start, born)

    def free(shard: int, now: float) -> None:
        waiting.append(shard)
        if idle:
            take(*idle.pop(), now)

    for _ in range(fleet.machines):
        at(fleet.start, born)
    now = 0.0
    while len(busy) < fleet.shards:
        now, _, event = heapq.heappop(events)
        event(now)
    return Outcome(now, sum(busy), sum(lost), len(lost), written)
