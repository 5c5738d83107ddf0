"""Inputs of concurrent callers who each have few, run together.

Nothing waits for a batch to fill: who finds the cores free computes at once, the others queue, and whenever a core is
free it takes the batch of the longest waiting input with all others that fit in. A batch is what the engine plans, so
on a CPU it is of one length, and an input's vector does not depend on whom it waited with.

The queue holds callers, each of whom waits for one call; that, and not a number, bounds it. Only so many inputs are
made ready ahead of the batches.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Generic

import numpy as np

from rapidembed.runtime.background import run_in_background, start_waiting
from rapidembed.runtime.engine import NOTHING, Engine, TextTokenizer
from rapidembed.runtime.meter import Meter, Work
from rapidembed.runtime.planner import Batch
from rapidembed.runtime.ready import X
from rapidembed.runtime.tickets import AsyncTicket, Entry, Job, ReadyJob, Ticket, deliver, settle
from rapidembed.types import Vectors

_MOST_READY = 256
"""Inputs that are made ready ahead; more of them would find hardly more of their own length."""
_MOST_ROWS = 64
_OLDER, _FEW = 0.6, 16
"""Share of those who wait, the older ones, that a batch of one length is taken from, unless they are few: who came
later and is of a common length would overtake who is of a rare one."""

_NO_ROWS: Vectors = np.empty((0, 0), dtype=np.float32)
_Done = tuple[list[Entry[X]], Vectors | BaseException]


class Batcher(Generic[X]):
    """An engine whose callers share batches where each has few inputs; everything else is the engine's own.

    Args:
        engine: what computes.
        together: whether they do; otherwise each runs by itself.
    """

    def __init__(self, engine: Engine[X], *, together: bool = True) -> None:
        self._engine = engine
        self.together = together
        self.meter = Meter()
        self.key, self.pool, self.cores, self.backend = engine.key, engine.pool, engine.cores, engine.backend
        self.fills = engine.fills
        self._lock = threading.Lock()
        self._arrived: deque[Ticket[X]] = deque()
        self._ready: list[Entry[X]] = []
        self._turns = 0
        """Tasks of the pool, running or queued, each of which computes a batch."""
        self._most_turns = 1  # until a thread that may wait for the model's files has asked the engine
        self._alone = threading.Lock()

    # The engine's own

    @property
    def position_limit(self) -> int | None:
        """See :class:`~rapidembed.runtime.engine.Engine`."""
        return self._engine.position_limit

    @property
    def tokenizer(self) -> TextTokenizer:
        """See :class:`~rapidembed.runtime.engine.Engine`."""
        return self._engine.tokenizer

    @property
    def workers(self) -> int:
        """See :class:`~rapidembed.runtime.engine.Engine`."""
        return self._engine.workers

    def group(self, item: X) -> int:
        """See :class:`~rapidembed.runtime.engine.Engine`."""
        return self._engine.group(item)

    def refuse(self, item: X, where: str) -> None:
        """See :class:`~rapidembed.runtime.engine.Engine`."""
        self._engine.refuse(item, where)

    def load(self, *, bulk: bool = False) -> None:
        """See :class:`~rapidembed.runtime.engine.Engine`; starts threads too, so that no event loop does."""
        self._engine.load(bulk=bulk)
        self.pool.start()
        start_waiting()

    def plan(self, inputs: Sequence[X], max_rows: int) -> list[Batch]:
        """See :class:`~rapidembed.runtime.engine.Engine`."""
        return self._engine.plan(inputs, max_rows)

    def prepare(self) -> None:
        """See :class:`~rapidembed.runtime.engine.Engine`."""
        self._engine.prepare()

    def run(self, inputs: Sequence[X], length: int, extra: Mapping[str, int] = NOTHING) -> Vectors:
        """See :class:`~rapidembed.runtime.engine.Engine`."""
        started = time.perf_counter()
        output = self._engine.run(inputs, length, extra)
        self.meter.ran(inputs, length if self.fills else 0, time.perf_counter() - started)
        return output

    def work(self) -> Work:
        """What was computed so far."""
        return self.meter.read(len(self._arrived) + len(self._ready))

    # Few inputs

    @property
    def busy(self) -> bool:
        """Whether a call that comes now shares the cores with others, and might share batches with them."""
        return self.together and not (self.pool.idle and not self._turns and not self._alone.locked())

    def run_one(self, item: X, extra: Mapping[str, int] = NOTHING) -> Vectors:
        """Run a lone input: at once if the cores are free, else in the next batch of its kind."""
        if not self.together:
            return self._run_one(item, extra)
        if self._take_alone():
            try:
                return self._run_one(item, extra)
            finally:
                self._alone.release()
        output: Vectors = self.run_few(ReadyJob(item, extra))
        return output

    def run_few(self, job: Job[X]) -> Any:
        """Run inputs, at least one, in batches with others that wait; returns the job's result."""
        future: Future[Any] = Future()
        self._queue(Ticket(future, job))
        try:
            return future.result()
        except BaseException:
            future.cancel()  # of a caller who was interrupted; it does nothing where the error came by the future
            raise

    async def arun_one(self, job: Job[X]) -> Any:
        """Run a lone input off the event loop; no thread waits for it. Cancelling drops it, unless it runs."""
        import asyncio  # whoever awaits has it loaded; others do without

        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        ticket = AsyncTicket(future, job, loop)
        if self._take_alone():
            run_in_background(lambda: self._run_alone(ticket))
        else:
            self._queue(ticket)
        return await future

    def _run_one(self, item: X, extra: Mapping[str, int]) -> Vectors:
        started = time.perf_counter()
        output = self._engine.run_one(item, extra)
        self.meter.ran((item,), 0, time.perf_counter() - started)
        return output

    def _take_alone(self) -> bool:
        """Whether nothing computes, so that the caller may, with all cores; it then holds ``_alone``."""
        return not self._turns and self.pool.idle and self._alone.acquire(blocking=False)

    def _run_alone(self, ticket: Ticket[X]) -> None:
        try:
            entries = ticket.make_ready()
            output: Vectors | BaseException | None = None
            if entries:
                output = self._run_one(entries[0].item, ticket.job.extra)
        except BaseException as error:  # whatever it is, it belongs to the caller, who waits
            output = error
        finally:
            self._alone.release()
        # After the release: whoever is told may come again at once, and is to find the cores free.
        if output is not None:
            deliver(entries, output)

    # The queue

    def _queue(self, ticket: Ticket[X]) -> None:
        self._arrived.append(ticket)
        self._wake()

    def _wake(self) -> None:
        """Have as many turns as may be of use.

        An event loop comes here, so it takes the lock only where a turn may be missing. That misses none: who ends a
        turn counts it first and looks at the queue then, the others do it the other way round.
        """
        if self._turns >= self._most_turns:
            return
        with self._lock:
            fresh = max(0, min(self._most_turns - self._turns, len(self._arrived) + len(self._ready)))
            self._turns += fresh
        for _ in range(fresh):
            self._submit_turn()

    def _submit_turn(self) -> None:
        try:
            self.pool.submit_urgent(self._turn).add_done_callback(self._ended)
        except RuntimeError as error:  # the interpreter ends
            self._fail(error)

    def _ended(self, turn: "Future[_Done[X]]") -> None:
        """Hand out what a turn computed, once the pool has counted it as done and the next one is on its way."""
        if turn.cancelled():
            self._fail(RuntimeError("The interpreter shut down before this input's turn came."))
            return
        failure = turn.exception()
        if failure is not None:
            self._fail(failure)
            return
        with self._lock:
            self._turns -= 1
        self._wake()
        deliver(*turn.result())

    def _fail(self, error: BaseException) -> None:
        """End a turn that cannot be, and with it all who wait."""
        with self._lock:
            tickets = {id(ticket): ticket for ticket in (*self._arrived, *(entry.ticket for entry in self._ready))}
            self._arrived.clear()
            self._ready.clear()
            self._turns -= 1
        settle([(ticket, ticket.fail(error)) for ticket in tickets.values()])

    def _turn(self) -> "_Done[X]":
        """Compute one batch. The next is another turn, so that other models have theirs in between."""
        self._make_ready()
        chosen, length = self._choose()
        if not chosen:
            return [], _NO_ROWS
        now = time.perf_counter()
        self.meter.waited([now - entry.ticket.arrived for entry in chosen])
        try:
            return chosen, self.run([entry.item for entry in chosen], length, chosen[0].ticket.job.extra)
        except BaseException as error:  # whatever it is, it belongs to the callers, who wait
            return chosen, error

    def _make_ready(self) -> None:
        """Make this turn's share of those who arrived ready; it is then known what fits together."""
        with self._lock:
            room = _MOST_READY - len(self._ready)
            share = -(-len(self._arrived) // self._most_turns)
            tickets = [self._arrived.popleft() for _ in range(max(0, min(room, share)))]
        ready = [entry for ticket in tickets for entry in self._ranked(ticket)]
        most = self.workers
        with self._lock:
            self._ready.extend(ready)
            self._most_turns = most
        if ready:
            self._wake()

    def _ranked(self, ticket: Ticket[X]) -> list[Entry[X]]:
        entries, rank, pace = ticket.make_ready(), ticket.arrived, self.meter.pace
        for entry in entries:
            entry.rank, entry.group = rank, self._engine.group(entry.item)
            rank += pace * entry.item.length
        return entries

    def _choose(self) -> tuple[list[Entry[X]], int]:
        """Take the batch of who waits longest out of the queue; and its length."""
        with self._lock:
            waiting = [entry for entry in self._ready if entry.ticket.wanted]
            self._ready = waiting
            if not waiting:
                return [], 0
            waiting.sort(key=_rank)
            first, extra = waiting[0], waiting[0].ticket.job.extra
            older = waiting[: max(_FEW, math.ceil(_OLDER * len(waiting)))] if self.fills else waiting
            same = [entry for entry in older if entry.group == first.group and entry.ticket.job.extra == extra]
            batches: list[Batch] = self._engine.plan([entry.item for entry in same], _MOST_ROWS)
            batch = next(batch for batch in batches if 0 in batch.rows)
            chosen = [same[row] for row in batch.rows] if self.fills else _oldest(same, batch)
            taken = {id(entry) for entry in chosen}
            self._ready = [entry for entry in waiting if id(entry) not in taken]
            return chosen, max(entry.item.length for entry in chosen)


def _rank(entry: Entry[Any]) -> float:
    return entry.rank


def _oldest(waiting: list[Entry[X]], batch: Batch) -> list[Entry[X]]:
    """As much as a batch, of who waits longest: where any lengths share one, nobody need be passed over."""
    left = sum(waiting[row].item.length for row in batch.rows)
    chosen: list[Entry[X]] = []
    for entry in waiting[:_MOST_ROWS]:
        left -= entry.item.length
        if chosen and left < 0:
            break
        chosen.append(entry)
    return chosen
