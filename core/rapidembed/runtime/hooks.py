"""Observers of every call: for traces and figures, without the library knowing of any tool for them."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import NamedTuple, cast


class Event(NamedTuple):
    """A call that begins."""

    task: str
    """Name of the facade's class."""
    role: str
    """What its inputs are: "plain", "query", "document" or "pair"."""
    model: str
    """Name of the model."""
    inputs: int | None
    """How many there are; None: they are read as they come."""


Observer = Callable[[Event], "AbstractContextManager[object, None]"]
"""Makes a context that a call's work runs in, on the thread that does it, or around the ``await`` of a lone input,
for which none waits; errors of the call pass through it. The work of a method that returns an iterator begins with the
first result and ends with the last, or when it is dropped; what is done with the results runs in between."""

_observers: tuple[Observer, ...] = ()
_NOBODY = nullcontext()


def observe(observer: Observer) -> Callable[[], None]:
    """Let ``observer`` see every call that begins from now on.

    Returns:
        Ends it; calling that again does nothing.
    """
    global _observers
    _observers = (*_observers, observer)

    def end() -> None:
        global _observers
        _observers = tuple(each for each in _observers if each is not observer)

    return end


def observed(task: str, role: str, model: str, inputs: int | None) -> "AbstractContextManager[None, None]":
    """The contexts of all observers for a call, see :class:`Event`; costs nothing while there are none."""
    if not _observers:
        return _NOBODY
    # That no context swallows an error is the observers' promise.
    return cast("AbstractContextManager[None, None]", _all(Event(task, role, model, inputs), _observers))


@contextmanager
def _all(event: Event, observers: tuple[Observer, ...]) -> Iterator[None]:
    with ExitStack() as stack:
        for observer in observers:
            stack.enter_context(observer(event))
        yield
