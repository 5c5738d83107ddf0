"""Batches of one call on the shared pool, never more of them at a time than the call may use."""

import threading
from collections import deque
from collections.abc import Mapping
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from typing import Generic, Protocol

from rapidembed.runtime.engine import Engine
from rapidembed.runtime.planner import Batch
from rapidembed.runtime.ready import X
from rapidembed.runtime.sinks import Sink, W

_SMALL = 128
"""Tokens of a batch while others wait for single inputs: a twentieth of the speed for a fourth of their wait."""


class Signal(Protocol):
    """Such as a :class:`threading.Event`."""

    def is_set(self) -> bool:
        """Whether the work is to end."""


@dataclass(slots=True)
class WindowJob(Generic[X, W]):
    """A window whose batches are queued or running; ``done`` gives its results in the order of its inputs."""

    inputs: list[X]
    results: W
    left: int
    done: "Future[W]" = field(default_factory=Future)


class Lanes(Generic[X, W]):
    """Runs batches in order of arrival on at most ``limit`` threads.

    A lane goes back to the end of the pool's queue after every batch, so calls of several callers share the cores.
    """

    def __init__(
        self,
        engine: Engine[X],
        sink: Sink[X, W],
        limit: int,
        extra: Mapping[str, int],
        cancelled: Signal | None,
    ) -> None:
        self._engine = engine
        self._sink = sink
        self._limit = limit
        self._extra = extra
        self._cancelled = cancelled
        self._lock = threading.Lock()
        self._waiting: deque[tuple[WindowJob[X, W], Batch]] = deque()
        self._active = 0

    def start(self, inputs: list[X], batches: list[Batch]) -> WindowJob[X, W]:
        """Queue a window."""
        job = WindowJob(inputs, self._sink.window(len(inputs)), len(batches))
        if not batches:
            job.done.set_result(job.results)
        with self._lock:
            self._waiting.extend((job, batch) for batch in batches)
            fresh = min(self._limit - self._active, len(batches))
            self._active += fresh
        for _ in range(fresh):
            self._engine.pool.submit(self._step)
        return job

    def cancel(self) -> None:
        """Drop the batches that have not started."""
        with self._lock:
            self._waiting.clear()

    def _step(self) -> None:
        with self._lock:
            if not self._waiting:
                self._active -= 1
                return
            job, batch = self._take()
        try:
            self._run(job, batch)
            # Before anybody is told, who may look whether the pool is idle.
            with self._lock:
                more = bool(self._waiting)
                self._active -= not more
            if more:
                self._engine.pool.submit(self._step)
            self._finish(job)
        except BaseException as error:  # whatever it is, it belongs to the caller, who waits
            self._fail(job, error)

    def _take(self) -> tuple[WindowJob[X, W], Batch]:
        """The next batch, or a part of it."""
        job, batch = self._waiting.popleft()
        size = max(1, _SMALL // max(1, batch.length))
        if len(batch.rows) <= size or not self._engine.key.placement.on_cpu or not self._engine.pool.pressed:
            return job, batch
        self._waiting.appendleft((job, Batch(batch.rows[size:], batch.length)))
        job.left += 1
        return job, Batch(batch.rows[:size], batch.length)

    def _run(self, job: WindowJob[X, W], batch: Batch) -> None:
        if self._cancelled is not None and self._cancelled.is_set():
            raise CancelledError
        rows = list(batch.rows)
        inputs = [job.inputs[row] for row in rows]
        self._sink.fill(job.results, rows, inputs, self._engine.run(inputs, batch.length, self._extra))

    def _finish(self, job: WindowJob[X, W]) -> None:
        with self._lock:
            job.left -= 1
            if job.left == 0 and not job.done.done():
                job.done.set_result(job.results)

    def _fail(self, job: WindowJob[X, W], error: BaseException) -> None:
        """End this lane and every window that waits: their results would have no reader."""
        with self._lock:
            self._active -= 1
            jobs = {id(each): each for each in (job, *(waiting for waiting, _ in self._waiting))}
            self._waiting.clear()
            for each in jobs.values():
                if not each.done.done():
                    each.done.set_exception(error)
