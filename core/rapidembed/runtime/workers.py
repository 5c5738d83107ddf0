"""One process-wide pool of compute threads, shared by every model, sync and async.

ONNX Runtime and the tokenizers release the interpreter lock while they compute, so threads use every core with one
copy of the weights. Urgent work (a lone query) overtakes the batches of bulk work that wait.
"""

import atexit
import itertools
import os
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import ParamSpec, TypeVar

from rapidembed import settings
from rapidembed.runtime.cores import allowed_cores

P = ParamSpec("P")
R = TypeVar("R")

_URGENT, _BULK, _STOP = 0, 1, 2
_Entry = tuple[int, int, Callable[[], None] | None]


class ComputePool:
    """A fixed number of threads that run tasks by urgency, then in order of arrival."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._queue: queue.PriorityQueue[_Entry] = queue.PriorityQueue()
        self._order = itertools.count()
        self._lock = threading.Lock()
        self._unfinished = 0
        self._stopping = False
        self._threads: list[threading.Thread] = []

    @property
    def idle(self) -> bool:
        """Whether no task runs or waits."""
        return self._unfinished == 0

    @property
    def alone(self) -> bool:
        """Whether no task runs or waits but the one that asks."""
        return self._unfinished == 1

    def start(self) -> None:
        """Start all threads now, so that nobody who submits work has to."""
        with self._lock:
            while len(self._threads) < self.size and not self._stopping:
                self._start_thread()

    def submit(self, task: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> "Future[R]":
        """Queue bulk work."""
        return self._submit(_BULK, lambda: task(*args, **kwargs))

    def submit_urgent(self, task: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> "Future[R]":
        """Queue work that somebody waits for; it runs before any bulk work that has not started."""
        return self._submit(_URGENT, lambda: task(*args, **kwargs))

    def stop(self) -> None:
        """Finish the running tasks, drop the waiting ones, end the threads."""
        with self._lock:
            self._stopping = True
            threads = list(self._threads)
        for _ in threads:
            self._queue.put((_STOP, next(self._order), None))
        for thread in threads:
            thread.join()

    def _submit(self, urgency: int, task: Callable[[], R]) -> "Future[R]":
        future: Future[R] = Future()
        with self._lock:
            if self._stopping:
                raise RuntimeError("Models cannot be used while the interpreter shuts down.")
            if len(self._threads) < self.size:
                self._start_thread()
            self._unfinished += 1
        self._queue.put((urgency, next(self._order), lambda: self._run(future, task)))
        return future

    def _run(self, future: "Future[R]", task: Callable[[], R]) -> None:
        try:
            if self._stopping:
                future.cancel()
            if not future.set_running_or_notify_cancel():
                return
            result = task()
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)
        finally:
            with self._lock:
                self._unfinished -= 1

    def _start_thread(self) -> None:
        # Daemons: an abandoned generator must not keep the interpreter alive; atexit waits for running tasks.
        thread = threading.Thread(target=self._work, name=f"rapidembed-{len(self._threads)}", daemon=True)
        thread.start()
        self._threads.append(thread)

    def _work(self) -> None:
        while True:
            task = self._queue.get()[2]
            if task is None:
                return
            task()
            del task  # it holds the batch and its result; the wait for the next one may be long


_pool: ComputePool | None = None
_pool_lock = threading.Lock()


def compute_pool() -> ComputePool:
    """The pool of this process; sized by ``RAPIDEMBED_THREADS``, else by the cores the process may use."""
    global _pool
    with _pool_lock:
        if _pool is None:
            _pool = ComputePool(settings.requested_threads() or allowed_cores())
        return _pool


@atexit.register
def _stop_at_exit() -> None:
    if _pool is not None:
        _pool.stop()


def _forget_in_child() -> None:
    # A forked child has none of the threads, and perhaps a lock that nobody will release.
    global _pool, _pool_lock
    _pool, _pool_lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
