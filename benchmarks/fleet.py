"""Many machines on paper: how long a corpus takes while machines come, work and are lost, event by event.

Assumed: a machine that is lost takes the shard that it works on with it, and nothing else; another one is started at
once; a file that is written stays. Chance has a seed: the same fleet has the same outcome.
"""

import heapq
import random
from collections import deque
from dataclasses import dataclass, field
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

    def paid(self, fleet: Fleet) -> float:
        """Machine-seconds, if all machines stay until the last file."""
        return self.seconds * fleet.machines


@dataclass(slots=True)
class _Run:
    """One simulation: a heap of events, each a time and what happens then."""

    fleet: Fleet
    chance: random.Random
    events: list[tuple[float, int, str, int]] = field(default_factory=list)
    waiting: deque[int] = field(default_factory=deque)
    idle: list[tuple[int, float, float]] = field(default_factory=list)
    """Machines without a shard: number, speed, and when each will be lost."""
    working: dict[int, tuple[int, float, float, float]] = field(default_factory=dict)
    """Machine -> its shard, since when, its speed, and when it will be lost."""

    def at(self, time: float, event: str, about: int) -> None:
        heapq.heappush(self.events, (time, len(self.events), event, about))

    def born(self, machine: int, now: float) -> None:
        speed = self.chance.lognormvariate(0, self.fleet.spread) if self.fleet.spread else 1.0
        end = now + self.chance.expovariate(1 / self.fleet.life) if self.fleet.life else float("inf")
        self.take(machine, speed, end, now)

    def take(self, machine: int, speed: float, end: float, now: float) -> None:
        if end <= now:  # lost while it waited
            self.at(now + self.fleet.start, "born", machine)
        elif self.waiting:
            shard = self.waiting.popleft()
            done = now + self.fleet.overhead + self.fleet.shard / (self.fleet.rate * speed)
            self.working[machine] = (shard, now, speed, end)
            self.at(min(done, end), "written" if done <= end else "lost", machine)
        else:
            self.idle.append((machine, speed, end))

    def back(self, shard: int, now: float) -> None:
        self.waiting.append(shard)
        if self.idle:
            self.take(*self.idle.pop(), now)


def simulate(fleet: Fleet) -> Outcome:
    """Until every shard is written once."""
    run = _Run(fleet, random.Random(fleet.seed))
    run.waiting.extend(range(fleet.shards))
    for machine in range(fleet.machines):
        run.at(fleet.start, "born", machine)
    written, busy, lost, losses, now = [0] * fleet.shards, 0.0, 0.0, 0, 0.0
    left = fleet.shards
    while left:
        now, _, event, about = heapq.heappop(run.events)
        if event == "born":
            run.born(about, now)
            continue
        if event == "free":
            run.back(about, now)
            continue
        shard, since, speed, end = run.working.pop(about)
        if event == "written":
            written[shard] += 1
            busy, left = busy + now - since, left - 1
            run.take(about, speed, end, now)
        else:
            lost, losses = lost + now - since, losses + 1
            run.at(now + fleet.notice, "free", shard)
            run.at(now + fleet.start, "born", about)
    return Outcome(now, busy, lost, losses, written)
