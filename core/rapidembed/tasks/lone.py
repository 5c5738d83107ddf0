"""A lone input on its way through the model: what is done before and after."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from numpy.typing import NDArray

from rapidembed.runtime.batcher import Batcher
from rapidembed.runtime.ready import X
from rapidembed.runtime.sinks import Sink, W
from rapidembed.runtime.stream import Steps
from rapidembed.types import Vectors

T = TypeVar("T")
V = TypeVar("V")


@dataclass(slots=True)
class Lone(Generic[T, X, V]):
    """How a ``T`` becomes a ``V``."""

    steps: Steps[T, X]
    result: Callable[[X, NDArray[Any]], V]
    """Makes one of the ready input and its row of the model's output, of which it keeps nothing."""
    extra: Mapping[str, int] = field(default_factory=dict)

    def make(self, item: T, engine: Batcher[X]) -> X:
        """The input ready for the model.

        Raises:
            TypeError, ValueError: it cannot be.
        """
        prepared = self.steps.prepare(item, None)
        started = time.perf_counter()
        ready = self.steps.ready([prepared])[0]
        engine.meter.tokenized(time.perf_counter() - started)
        engine.refuse(ready, "The text")
        self.steps.inspect(ready, 0)
        return ready

    def read(self, ready: X, output: Vectors) -> V:
        """The result of the model's output, float32 (1, ...)."""
        return self.result(ready, output[0])


@dataclass(slots=True)
class LoneJob(Generic[T, X]):
    """A lone input in the queue; see :class:`rapidembed.runtime.tickets.Job`."""

    item: T
    lone: Lone[T, X, Any]
    engine: Batcher[X]
    check: Callable[[], None]
    """Raises where nobody waits any more."""
    _result: Any = None

    @property
    def extra(self) -> Mapping[str, int]:
        """What its batch is fed beside the inputs."""
        return self.lone.extra

    def make(self) -> list[X]:
        """The input, ready."""
        self.check()
        return [self.lone.make(self.item, self.engine)]

    def keep(self, rows: list[int], inputs: list[X], output: Vectors) -> None:
        """Read the output."""
        self._result = self.lone.read(inputs[0], output)

    def result(self) -> Any:
        """What was read."""
        return self._result


def windowed(sink: Sink[X, W], finish: Callable[[W], V]) -> Callable[[X, NDArray[Any]], V]:
    """Reads the result of a lone input as those of many are read: from a window, of one."""

    def read(ready: X, row: NDArray[Any]) -> V:
        window = sink.window(1)
        sink.fill(window, [0], [ready], row[None])
        return finish(window)

    return read
