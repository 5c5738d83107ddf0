"""Lone inputs of concurrent callers, run together.

Nothing waits for a batch to fill: who finds the cores free computes at once, the others queue, and whenever a core is
free it takes the batch of the longest waiting input with all others that fit in. A batch is what the engine plans, so
on a CPU it is of one length, and an input's vector does not depend on whom it waited with.

The queue holds callers, each of whom waits for one result; that, and not a number, bounds it. Only so many of them are
made ready ahead of the batches.
"""

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

from rapidembed.runtime.background import run_in_background
from rapidembed.runtime.engine import NOTHING, Engine, TextTokenizer
from rapidembed.runtime.planner import Batch
from rapidembed.runtime.ready import X
from rapidembed.runtime.tickets import AsyncTicket, Ticket, deliver
from rapidembed.types import Vectors

R = TypeVar("R")

_MOST_READY = 256
"""Inputs that are made ready ahead; more of them would find hardly more of their own length."""
_MOST_ROWS = 64


class Batcher(Generic[X]):
    """An engine whose lone inputs share batches; everything else is the engine's own.

    Args:
        engine: what computes.
    """

    def __init__(self, engine: Engine[X]) -> None:
        self._engine = engine
        self.key, self.pool, self.cores, self.backend = engine.key, engine.pool, engine.cores, engine.backend
        self._lock = threading.Lock()
        self._arrived: deque[Ticket[X]] = deque()
        self._ready: deque[Ticket[X]] = deque()
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

    def refuse(self, item: X, where: str) -> None:
        """See :class:`~rapidembed.runtime.engine.Engine`."""
        self._engine.refuse(item, where)

    def load(self, *, bulk: bool = False) -> None:
        """See :class:`~rapidembed.runtime.engine.Engine`; starts the pool's threads too, so that no event loop does."""
        self._engine.load(bulk=bulk)
        self.pool.start()

    def plan(self, inputs: Sequence[X], max_rows: int) -> list[Batch]:
        """See :class:`~rapidembed.runtime.engine.Engine`."""
        return self._engine.plan(inputs, max_rows)

    def prepare(self) -> None:
        """See :class:`~rapidembed.runtime.engine.Engine`."""
        self._engine.prepare()

    def run(self, inputs: Sequence[X], length: int, extra: Mapping[str, int] = NOTHING) -> Vectors:
        """See :class:`~rapidembed.runtime.engine.Engine`."""
        return self._engine.run(inputs, length, extra)

    # Lone inputs

    def run_one(self, item: X, extra: Mapping[str, int] = NOTHING) -> Vectors:
        """Run a lone input: at once if the cores are free, else in the next batch of its kind."""
        if self._take_alone():
            try:
                return self._engine.run_one(item, extra)
            finally:
                self._alone.release()
        future: Future[Vectors] = Future()
        self._queue(Ticket(future, extra, lambda: item, lambda _, rows: rows))
        try:
            return future.result()
        except BaseException:
            future.cancel()  # of a caller who was interrupted; it does nothing where the error came by the future
            raise

    async def arun_one(
        self, make: Callable[[], X], then: Callable[[X, Vectors], R], extra: Mapping[str, int] = NOTHING
    ) -> R:
        """Run a lone input off the event loop; no thread waits for it. Cancelling drops it, unless it runs.

        Args:
            make: makes the input ready.
            then: makes the result of the ready input and of the model's output, float32 (1, ...).
            extra: see :meth:`rapidembed.runtime.engine.Engine.run`.
        """
        import asyncio  # whoever awaits has it loaded; others do without

        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        ticket = AsyncTicket(future, extra, make, then, loop)
        if self._take_alone():
            run_in_background(lambda: self._run_alone(ticket))
        else:
            self._queue(ticket)
        return await future

    def _take_alone(self) -> bool:
        """Whether nothing computes, so that the caller may, with all cores; it then holds ``_alone``."""
        return not self._turns and self.pool.idle and self._alone.acquire(blocking=False)

    def _run_alone(self, ticket: Ticket[X]) -> None:
        try:
            if ticket.make_ready():
                deliver([ticket], self._engine.run_one(ticket.item, ticket.extra))
        except BaseException as error:  # whatever it is, it belongs to the caller, who waits
            deliver([ticket], error)
        finally:
            self._alone.release()

    # The queue

    def _queue(self, ticket: Ticket[X]) -> None:
        with self._lock:
            self._arrived.append(ticket)
        self._wake()

    def _wake(self) -> None:
        """Have as many turns as may be of use."""
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

    def _ended(self, turn: "Future[None]") -> None:
        if turn.cancelled():
            self._fail(RuntimeError("The interpreter shut down before this input's turn came."))

    def _fail(self, error: Exception) -> None:
        with self._lock:
            tickets = [*self._arrived, *self._ready]
            self._arrived.clear()
            self._ready.clear()
            self._turns -= 1
        deliver(tickets, error)

    def _turn(self) -> None:
        """Compute one batch. The next is another turn, so that other models have theirs in between."""
        self._make_ready()
        chosen, batch = self._choose()
        if batch is not None:
            try:
                deliver(chosen, self._engine.run([ticket.item for ticket in chosen], batch.length, chosen[0].extra))
            except BaseException as error:  # whatever it is, it belongs to the callers, who wait
                deliver(chosen, error)
        with self._lock:
            again = bool(self._arrived or self._ready)
            self._turns -= not again
        if again:
            self._submit_turn()

    def _make_ready(self) -> None:
        """Make this turn's share of those who arrived ready; it is then known what fits together."""
        with self._lock:
            room = _MOST_READY - len(self._ready)
            share = -(-len(self._arrived) // self._most_turns)
            tickets = [self._arrived.popleft() for _ in range(max(0, min(room, share)))]
        ready = [ticket for ticket in tickets if ticket.make_ready()]
        most = self.workers
        with self._lock:
            self._ready.extend(ready)
            self._most_turns = most
        if ready:
            self._wake()

    def _choose(self) -> tuple[list[Ticket[X]], Batch | None]:
        """Take the batch of who waits longest out of the queue."""
        with self._lock:
            waiting = [ticket for ticket in self._ready if not ticket.future.cancelled()]
            same = [ticket for ticket in waiting if ticket.extra == waiting[0].extra]
            if not same:
                self._ready.clear()
                return [], None
            batches: list[Batch] = self._engine.plan([ticket.item for ticket in same], _MOST_ROWS)
            batch = next(batch for batch in batches if 0 in batch.rows)
            chosen = [same[row] for row in batch.rows]
            taken = {id(ticket) for ticket in chosen}
            self._ready = deque(ticket for ticket in waiting if id(ticket) not in taken)
            return chosen, batch
