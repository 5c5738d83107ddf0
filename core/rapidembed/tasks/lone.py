"""A lone input on its way through the model: what is done before and after."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from rapidembed.runtime.batcher import Batcher
from rapidembed.runtime.ready import X
from rapidembed.runtime.sinks import Sink, W
from rapidembed.runtime.stream import Steps
from rapidembed.types import Vectors

T = TypeVar("T")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Lone(Generic[T, X, W, V]):
    """How a ``T`` becomes a ``V``: a window of one."""

    steps: Steps[T, X]
    sink: Sink[X, W]
    finish: Callable[[W], V]
    """Takes the result out of the window."""
    extra: Mapping[str, int] = field(default_factory=dict)

    def make(self, item: T, engine: Batcher[X]) -> X:
        """The input ready for the model.

        Raises:
            TypeError, ValueError: it cannot be.
        """
        prepared = self.steps.prepare(item, None)
        with engine.meter.tokenizing():
            ready = self.steps.ready([prepared])[0]
        engine.refuse(ready, "The text")
        self.steps.inspect(ready, 0)
        return ready

    def read(self, ready: X, output: Vectors) -> V:
        """The result of the model's output, float32 (1, ...)."""
        window = self.sink.window(1)
        self.sink.fill(window, [0], [ready], output)
        return self.finish(window)


def first(window: list[V]) -> V:
    """The result in a window that keeps it as it is to be."""
    return window[0]
