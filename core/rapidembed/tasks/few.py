"""Calls of a few inputs, or of one, on their way through batches that they share with other callers."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeGuard, TypeVar

from rapidembed.runtime.batcher import Batcher
from rapidembed.runtime.ready import X
from rapidembed.runtime.sinks import Sink, W
from rapidembed.runtime.stream import Steps
from rapidembed.tasks.bulk import Bulk
from rapidembed.types import Vectors

T = TypeVar("T")

MOST = 64
"""Inputs of a call that are few: what one turn of a core makes ready without others waiting long."""


def is_few(items: Iterable[T], bulk: Bulk) -> TypeGuard[Sequence[T]]:
    """Whether a call's inputs may share batches: few, wanted all at once, and nothing is said of how they run."""
    plain = bulk.gathered and bulk.workers is None and bulk.batch_size >= MOST and not bulk.show_progress
    return plain and isinstance(items, list | tuple) and 0 < len(items) <= MOST


def make_ready(items: Sequence[T], steps: Steps[T, X], engine: Batcher[X]) -> list[X]:
    """A call's inputs, ready.

    Raises:
        TypeError, ValueError: one cannot be; names its index.
    """
    prepared = [steps.prepare(item, index) for index, item in enumerate(items)]
    started = time.perf_counter()
    ready = [item for each in prepared for item in steps.ready([each])]
    engine.meter.tokenized(time.perf_counter() - started)
    for index, item in enumerate(ready):
        engine.refuse(item, f"The input of index {index}")
        steps.inspect(item, index)
    return ready


@dataclass(slots=True)
class Few(Generic[X, W]):
    """The inputs of a call; see :class:`rapidembed.runtime.tickets.Job`. They fill one window."""

    ready: Callable[[], list[X]]
    """Makes them ready."""
    sink: Sink[X, W]
    extra: Mapping[str, int]
    check: Callable[[], None]
    """Raises where nobody waits any more."""
    finish: Callable[[W], Any]
    """Takes the result out of the window."""
    _window: W = field(init=False)

    def make(self) -> list[X]:
        """The inputs, ready."""
        self.check()
        ready = self.ready()
        self._window = self.sink.window(len(ready))
        return ready

    def keep(self, rows: list[int], inputs: list[X], output: Vectors) -> None:
        """Fill the window."""
        self.check()
        self.sink.fill(self._window, rows, inputs, output)

    def result(self) -> Any:
        """What is in the window."""
        return self.finish(self._window)
