"""Callers who wait for the results of a few inputs, and these inputs in the queue for a batch."""

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol

from rapidembed.runtime.ready import X
from rapidembed.types import Vectors

if TYPE_CHECKING:
    import asyncio  # whoever awaits has it loaded; others do without

_Outcome = tuple[Any, BaseException | None]


class Job(Protocol[X]):
    """What a caller wants: from a few inputs to its result."""

    @property
    def extra(self) -> Mapping[str, int]:
        """What its batches are fed beside the inputs."""

    def make(self) -> list[X]:
        """Make the inputs ready. What it raises is the caller's; it does where nobody waits any more."""

    def keep(self, rows: list[int], inputs: list[X], output: Vectors) -> None:
        """Keep what the model made of some of the inputs.

        Args:
            rows: their places among all of them.
            inputs: they themselves, ready.
            output: float32 (rows, ...).
        """

    def result(self) -> Any:
        """What the caller gets once all is kept."""


@dataclass(slots=True)
class ReadyJob(Generic[X]):
    """The job of a lone input that is ready, and whose output is all that is wanted."""

    item: X
    extra: Mapping[str, int]
    output: Vectors | None = None

    def make(self) -> list[X]:
        """The input."""
        return [self.item]

    def keep(self, rows: list[int], inputs: list[X], output: Vectors) -> None:
        """Keep all of it."""
        self.output = output

    def result(self) -> Vectors | None:
        """The output, float32 (1, ...)."""
        return self.output


class Ticket(Generic[X]):
    """A caller in a thread that waits."""

    __slots__ = ("_left", "_lock", "arrived", "future", "job", "over")

    def __init__(self, future: "Future[Any] | asyncio.Future[Any]", job: Job[X]) -> None:
        self.future, self.job = future, job
        self.arrived = time.perf_counter()
        self.over = False
        """Whether it has its result, or an error."""
        self._left = 0
        self._lock = threading.Lock()

    @property
    def wanted(self) -> bool:
        """Whether somebody waits for what is still to be computed."""
        return not self.over and not self.future.cancelled()

    def make_ready(self) -> "list[Entry[X]]":
        """The inputs, ready; none: nobody wants them, or one cannot be, and the caller was told."""
        if not self.wanted:
            return []
        try:
            entries = [Entry(self, row, item) for row, item in enumerate(self.job.make())]
        except BaseException as error:  # it belongs to the caller
            settle([(self, self.fail(error))])
            return []
        self._left = len(entries)
        return entries

    def take(self, entries: "list[Entry[X]]", output: Vectors) -> _Outcome | None:
        """Keep these inputs' rows of the output; the result, or the error in its place, after the last of them."""
        try:
            self.job.keep([entry.row for entry in entries], [entry.item for entry in entries], output)
            with self._lock:
                self._left -= len(entries)
                if self._left or self.over:
                    return None
                self.over = True
            return self.job.result(), None
        except BaseException as error:  # it belongs to the caller
            return self.fail(error)

    def fail(self, error: BaseException) -> _Outcome | None:
        """The error in place of the result; None if the caller has heard already."""
        with self._lock:
            if self.over and self._left:
                return None
            self.over = True
        return None, error


class AsyncTicket(Ticket[X]):
    """A caller on an event loop, which only its own thread may wake."""

    __slots__ = ("loop",)

    def __init__(self, future: "asyncio.Future[Any]", job: Job[X], loop: "asyncio.AbstractEventLoop") -> None:
        super().__init__(future, job)
        self.loop = loop


class Entry(Generic[X]):
    """One of a caller's inputs, ready.

    The queue is ordered by ``rank``, the time when it joined, as if the inputs of a list came one after the other, each
    when the one before could be done. So a lone input waits for the first ones of a list only.
    """

    __slots__ = ("group", "item", "rank", "row", "ticket")

    group: int
    """See :meth:`rapidembed.runtime.engine.Engine.group`."""
    rank: float

    def __init__(self, ticket: Ticket[X], row: int, item: X) -> None:
        self.ticket, self.row, self.item = ticket, row, item


def deliver(entries: Sequence[Entry[Any]], output: Vectors | BaseException) -> None:
    """Give each caller its rows of a batch's output, or all the error."""
    by_ticket: dict[int, tuple[list[int], list[Entry[Any]]]] = {}
    for number, entry in enumerate(entries):
        numbers, own = by_ticket.setdefault(id(entry.ticket), ([], []))
        numbers.append(number)
        own.append(entry)
    outcomes: list[tuple[Ticket[Any], _Outcome | None]] = []
    for numbers, own in by_ticket.values():
        ticket = own[0].ticket
        if isinstance(output, BaseException):
            outcomes.append((ticket, ticket.fail(output)))
        else:
            outcomes.append((ticket, ticket.take(own, _rows(output, numbers))))
    settle(outcomes)


def _rows(output: Vectors, numbers: list[int]) -> Vectors:
    first, last = numbers[0], numbers[-1]
    return output[first : last + 1] if last - first + 1 == len(numbers) else output[numbers]


def settle(outcomes: "Sequence[tuple[Ticket[Any], _Outcome | None]]") -> None:
    """Tell callers their outcomes, those that have one. An event loop is woken once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[Ticket[Any], _Outcome]]] = {}
    for ticket, outcome in outcomes:
        if outcome is None:
            continue
        if isinstance(ticket, AsyncTicket):
            by_loop.setdefault(ticket.loop, []).append((ticket, outcome))
        elif isinstance(ticket.future, Future) and ticket.future.set_running_or_notify_cancel():
            _settle(ticket, outcome)
    for loop, own in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle_all, own)
        except RuntimeError:
            if not loop.is_closed():  # else nobody is left to wait
                raise


def _settle_all(outcomes: list[tuple[Ticket[Any], _Outcome]]) -> None:
    for ticket, outcome in outcomes:
        if not ticket.future.done():
            _settle(ticket, outcome)


def _settle(ticket: Ticket[Any], outcome: _Outcome) -> None:
    result, error = outcome
    if error is None:
        ticket.future.set_result(result)
    else:
        ticket.future.set_exception(error)
