"""Callers who wait for the result of a lone input."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Generic

from rapidembed.runtime.ready import X
from rapidembed.types import Vectors

if TYPE_CHECKING:
    import asyncio  # whoever awaits has it loaded; others do without

_Outcome = tuple[Any, BaseException | None]


class Ticket(Generic[X]):
    """A caller in a thread that waits.

    Args:
        future: what it waits for.
        extra: what its batch is fed beside the inputs.
        make: makes its input ready.
        then: makes its result of the ready input and of the model's output, float32 (1, ...).
    """

    __slots__ = ("extra", "future", "item", "make", "then")

    item: X

    def __init__(
        self,
        future: "Future[Any] | asyncio.Future[Any]",
        extra: Mapping[str, int],
        make: Callable[[], X],
        then: Callable[[X, Vectors], Any],
    ) -> None:
        self.future, self.extra, self.make, self.then = future, extra, make, then

    def make_ready(self) -> bool:
        """Make the input ready; False: nobody wants it, or it cannot be, and the caller was told."""
        if self.future.cancelled():
            return False
        try:
            self.item = self.make()
        except BaseException as error:  # it belongs to the caller
            deliver([self], error)
            return False
        return True

    def outcome(self, rows: Vectors | BaseException) -> _Outcome:
        """The result, or the error in its place."""
        if isinstance(rows, BaseException):
            return None, rows
        try:
            return self.then(self.item, rows), None
        except BaseException as error:  # it belongs to the caller
            return None, error


class AsyncTicket(Ticket[X]):
    """A caller on an event loop, which only its own thread may wake."""

    __slots__ = ("loop",)

    def __init__(
        self,
        future: "asyncio.Future[Any]",
        extra: Mapping[str, int],
        make: Callable[[], X],
        then: Callable[[X, Vectors], Any],
        loop: "asyncio.AbstractEventLoop",
    ) -> None:
        super().__init__(future, extra, make, then)
        self.loop = loop


def deliver(tickets: Sequence[Ticket[Any]], output: Vectors | BaseException) -> None:
    """Give each caller its row of a batch's output, or all the error. An event loop is woken once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[Ticket[Any], _Outcome]]] = {}
    for row, ticket in enumerate(tickets):
        outcome = ticket.outcome(output if isinstance(output, BaseException) else output[row : row + 1])
        if isinstance(ticket, AsyncTicket):
            by_loop.setdefault(ticket.loop, []).append((ticket, outcome))
        elif isinstance(ticket.future, Future) and ticket.future.set_running_or_notify_cancel():
            _settle(ticket, outcome)
    for loop, outcomes in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle_all, outcomes)
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
