"""The pipeline: inputs in windows -> made ready -> batches -> results, in order, in bounded memory.

While one window computes, the next is read and made ready, such as tokenized. Nothing runs ahead further than that.
A window of one input that nothing runs beside is a lone input: its caller computes it, with all cores if they are free.
"""

import itertools
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import CancelledError, Future
from typing import Any, Generic, Protocol, TypeVar

from rapidembed.errors import RapidEmbedError
from rapidembed.runtime.batcher import Batcher
from rapidembed.runtime.engine import NOTHING, Engine
from rapidembed.runtime.lanes import Lanes, Signal, WindowJob
from rapidembed.runtime.ready import X
from rapidembed.runtime.sinks import Sink, W

_WINDOW_SECONDS = 2.0
LARGEST_WINDOW = 65_536
_GROWTH = 8
_WINDOWS_AHEAD = 2
_PIECE_SECONDS = 0.005

T = TypeVar("T")


class Steps(Protocol[T, X]):
    """What is done to an input before the model sees it: a ``T``, such as a text, becomes an ``X``, such as tokens."""

    def prepare(self, item: T, index: int | None) -> T:
        """Check an input, in the caller's thread; a lone one has no index."""

    def ready(self, items: list[T]) -> list[X]:
        """Make a few inputs ready, on a thread of the pool."""

    def inspect(self, item: X, index: int, /) -> None:
        """See a ready input before anything of its window is computed."""


class _WindowSize:
    """Inputs in the next window: ``first``, then about two seconds of work."""

    def __init__(self, first: int, most: int) -> None:
        self.inputs = first
        self._most = most
        self._smallest = first
        self._finished = time.perf_counter()

    def finished(self, count: int, started: float) -> None:
        now = time.perf_counter()
        seconds = now - max(started, self._finished)
        self._finished = now
        wanted = int(count * _WINDOW_SECONDS / max(seconds, 1e-6))
        self.inputs = max(self._smallest, min(wanted, count * _GROWTH, self._most))


def run_windows(
    engine: Batcher[X],
    items: Iterable[T],
    steps: Steps[T, X],
    sink: Sink[X, W],
    *,
    first: int,
    batch_size: int,
    workers: int | None,
    extra: Mapping[str, int] = NOTHING,
    most: int = LARGEST_WINDOW,
    cancelled: Signal | None = None,
) -> Iterator[W]:
    """Run the model over ``items`` and yield the sink's windows in input order.

    Args:
        engine: the model.
        items: read as needed, in the caller's thread.
        steps: from an item to what the model is given.
        sink: keeps results.
        first: items in the first window; none is smaller, where there are as many.
        batch_size: upper bound on the rows of a batch.
        workers: batches at a time; None: as many as the engine has.
        extra: numbers that every batch is fed beside the inputs, see :meth:`Engine.run`.
        most: items in the largest window.
        cancelled: when it is set, the work ends with the batches that run.

    An exception that reading, preparing or inspecting raises comes after the results of what was read before.
    """
    lanes: Lanes[X, W] = Lanes(engine, sink, min(workers or engine.workers, engine.workers), extra, cancelled)
    size = _WindowSize(min(first, most), most)
    running: deque[tuple[WindowJob[X, W], float]] = deque()
    source = _Source(items, steps, engine)
    try:
        while window := source.read(size.inputs):
            if len(window) == 1 and workers is None and not running:
                yield from _run_lone(engine, source, window, steps, sink, extra, cancelled)
                continue
            ready = source.accept(_tokenize(engine, window, steps, min(workers or engine.cores, engine.cores)))
            running.append((lanes.start(ready, engine.plan(ready, batch_size)), time.perf_counter()))
            if len(running) == _WINDOWS_AHEAD:
                yield _finish(running, size)
        while running:
            yield _finish(running, size)
        if source.failure is not None:
            raise source.failure
    finally:
        lanes.cancel()


def _run_lone(
    engine: Batcher[X],
    source: "_Source[T, X]",
    window: list[T],
    steps: Steps[T, X],
    sink: Sink[X, W],
    extra: Mapping[str, int],
    cancelled: Signal | None,
) -> Iterator[W]:
    began = time.perf_counter()
    ready = source.accept(steps.ready(window))
    engine.meter.tokenized(time.perf_counter() - began)
    if cancelled is not None and cancelled.is_set():
        raise CancelledError
    if ready:
        results = sink.window(1)
        sink.fill(results, [0], ready, engine.run_one(ready[0], extra))
        yield results


def _finish(running: "deque[tuple[WindowJob[X, W], float]]", size: _WindowSize) -> W:
    job, started = running.popleft()
    results = job.done.result()
    size.finished(len(results), started)
    return results


def _tokenize(engine: Batcher[X], window: list[T], steps: Steps[T, X], threads: int) -> list[X]:
    """Make inputs ready on the pool, ahead of the batches that wait there, so many at a time."""
    tokenizing = _Tokenizing(engine, window, steps)
    lanes = [engine.pool.submit_first(tokenizing.work) for _ in range(min(threads, len(window)))]
    for lane in lanes:
        while (following := lane.result()) is not None:
            lane = following
    return tokenizing.ready


class _Tokenizing(Generic[T, X]):
    """A window that is made ready in pieces of a few milliseconds, so that nobody's query waits for all of it.

    A batch of one text does not wake the tokenizers' own threads, so this takes the cores it may and no others.
    """

    def __init__(self, engine: Batcher[X], window: list[T], steps: Steps[T, X]) -> None:
        self._engine, self._steps = engine, steps
        self._left = iter(list(enumerate(window)))
        self.ready: list[Any] = [None] * len(window)

    def work(self) -> "Future[Any] | None":
        """Make a piece ready; the next one, which stands behind whoever came meanwhile, or None."""
        now = began = time.perf_counter()
        for index, item in self._left:
            (self.ready[index],) = self._steps.ready([item])
            now = time.perf_counter()
            if now - began > _PIECE_SECONDS:
                break
        self._engine.meter.tokenized(now - began)
        return self._engine.pool.submit_first(self.work) if now - began > _PIECE_SECONDS else None


class _Source(Generic[T, X]):
    """Reads windows; keeps a failure until what came before it is done."""

    def __init__(self, items: Iterable[T], steps: Steps[T, X], engine: Engine[X]) -> None:
        self._items = iter(items)
        self._steps = steps
        self._engine = engine
        self.position = 0
        self.failure: Exception | None = None

    def read(self, count: int) -> list[T]:
        """Up to ``count`` items, fewer from a source that takes its time; none at the end or after a failure."""
        window: list[T] = []
        if self.failure is not None:
            return window
        deadline = time.perf_counter() + _WINDOW_SECONDS
        try:
            for item in itertools.islice(self._items, count):
                window.append(self._steps.prepare(item, self.position + len(window)))
                if time.perf_counter() > deadline:
                    break
        except Exception as error:  # the caller's own iterator may raise anything; it is raised again
            self.failure = error
        self.position += len(window)
        return window

    def accept(self, inputs: list[X]) -> list[X]:
        """Those of the window just read that stand before the first one that ``inspect`` refuses."""
        first = self.position - len(inputs)
        for i, item in enumerate(inputs):
            try:
                self._engine.refuse(item, f"The input of index {first + i}")
                self._steps.inspect(item, first + i)
            except (ValueError, TypeError, RapidEmbedError) as error:
                self.failure = error
                return inputs[:i]
        return inputs
