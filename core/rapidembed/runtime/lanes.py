"""Batches of one call on the shared pool, never more of them at a time than the call may use."""

import threading
from collections import deque
from concurrent.futures import Future
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

    def __init__(self, engine: Engine, limit: int, task: int | None) -> None:
        self._engine = engine
        self._limit = limit
        self._task = task
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
        self._run(job, batch)
        self._engine.pool.submit(self._step)

    def _run(self, job: WindowJob, batch: Batch) -> None:
        try:
            rows = list(batch.rows)
            vectors = self._engine.run([job.texts[row] for row in rows], batch.length, self._task)
        except BaseException as error:
            self._finish(job, error)
            return
        job.vectors[rows] = vectors
        self._finish(job, None)

    def _finish(self, job: WindowJob, error: BaseException | None) -> None:
        with self._lock:
            job.left -= 1
            if job.done.done():
                return
            if error is not None:
                self._waiting.clear()
                job.done.set_exception(error)
            elif job.left == 0:
                job.done.set_result(job.vectors)
