"""Batches of one call on the shared pool, never more of them at a time than the call may use."""

import threading
from collections import deque
from collections.abc import Mapping
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field

import numpy as np

from rapidembed.runtime.engine import Engine
from rapidembed.runtime.planner import Batch
from rapidembed.runtime.tokenizer import TokenIds
from rapidembed.types import Vectors


@dataclass(slots=True)
class WindowJob:
    """A window whose batches are queued or running; ``done`` gives its vectors, float32 (texts, dim)."""

    texts: list[TokenIds]
    vectors: Vectors
    left: int
    done: "Future[Vectors]" = field(default_factory=Future)


class Lanes:
    """Runs batches in order of arrival on at most ``limit`` threads.

    A lane goes back to the end of the pool's queue after every batch, so calls of several callers share the cores.
    """

    def __init__(self, engine: Engine, limit: int, extra: Mapping[str, int], cancelled: threading.Event | None) -> None:
        self._engine = engine
        self._limit = limit
        self._extra = extra
        self._cancelled = cancelled
        self._lock = threading.Lock()
        self._waiting: deque[tuple[WindowJob, Batch]] = deque()
        self._active = 0

    def start(self, texts: list[TokenIds], batches: list[Batch], dim: int) -> WindowJob:
        """Queue a window."""
        job = WindowJob(texts, np.empty((len(texts), dim), dtype=np.float32), len(batches))
        if not batches:
            job.done.set_result(job.vectors)
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
            job, batch = self._waiting.popleft()
        try:
            self._run(job, batch)
            self._finish(job)
            self._engine.pool.submit(self._step)
        except BaseException as error:  # whatever it is, it belongs to the caller, who waits
            self._fail(job, error)

    def _run(self, job: WindowJob, batch: Batch) -> None:
        if self._cancelled is not None and self._cancelled.is_set():
            raise CancelledError
        rows = list(batch.rows)
        job.vectors[rows] = self._engine.run([job.texts[row] for row in rows], batch.length, self._extra)

    def _finish(self, job: WindowJob) -> None:
        with self._lock:
            job.left -= 1
            if job.left == 0 and not job.done.done():
                job.done.set_result(job.vectors)

    def _fail(self, job: WindowJob, error: BaseException) -> None:
        """End this lane and every window that waits: their results would have no reader."""
        with self._lock:
            self._active -= 1
            jobs = {id(each): each for each in (job, *(waiting for waiting, _ in self._waiting))}
            self._waiting.clear()
            for each in jobs.values():
                if not each.done.done():
                    each.done.set_exception(error)
