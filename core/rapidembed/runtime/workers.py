"""One process-wide pool of compute threads, shared by every model, sync and async.

ONNX Runtime and the tokenizers release the interpreter lock while they compute, so threads use every core with one
copy of the weights. Urgent work (a lone query) overtakes the batches of bulk work that wait, but never takes all of the
time.
"""

import atexit
import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import ParamSpec, TypeVar

from rapidembed import settings
from rapidembed.runtime.cores import allowed_cores

P = ParamSpec("P")
R = TypeVar("R")

_BULK_SHARE = 0.125
"""Of the time of all threads, what bulk work gets at least."""
_HURRY_SECONDS = 1.0


class ComputePool:
    """A fixed number of threads that run tasks by urgency, then in order of arrival."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._urgent: deque[Callable[[], None]] = deque()
        self._bulk: deque[Callable[[], None]] = deque()
        self._changed = threading.Condition(threading.Lock())
        self._unfinished = 0
        self._stopping = False
        self._threads: list[threading.Thread] = []
        self._owed = 0.0
        """Seconds of a thread that bulk work that waits should have had by now."""
        self._hurried = -math.inf

    @property
    def idle(self) -> bool:
        """Whether no task runs or waits."""
        return self._unfinished == 0

    @property
    def alone(self) -> bool:
        """Whether no task runs or waits but the one that asks."""
        return self._unfinished == 1

    @property
    def hurried(self) -> bool:
        """Whether urgent work came within the last second, so that bulk work had better be in small pieces."""
        return time.perf_counter() - self._hurried < _HURRY_SECONDS

    def start(self) -> None:
        """Start all threads now, so that nobody who submits work has to."""
        with self._changed:
            while len(self._threads) < self.size and not self._stopping:
                self._start_thread()

    def submit(self, task: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> "Future[R]":
        """Queue bulk work."""
        return self._submit(self._bulk, lambda: task(*args, **kwargs))

    def submit_urgent(self, task: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> "Future[R]":
        """Queue work that somebody waits for: it runs before bulk work that has not started, unless that starves."""
        self._hurried = time.perf_counter()
        return self._submit(self._urgent, lambda: task(*args, **kwargs))

    def submit_first(self, task: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> "Future[R]":
        """Queue a small piece of bulk work that the rest of it waits for, as if it were urgent."""
        return self._submit(self._urgent, lambda: task(*args, **kwargs))

    def stop(self) -> None:
        """Finish the running tasks, drop the waiting ones, end the threads."""
        with self._changed:
            self._stopping = True
            threads = list(self._threads)
            self._changed.notify_all()
        for thread in threads:
            thread.join()

    def _submit(self, waiting: "deque[Callable[[], None]]", task: Callable[[], R]) -> "Future[R]":
        future: Future[R] = Future()
        with self._changed:
            if self._stopping:
                raise RuntimeError("Models cannot be used while the interpreter shuts down.")
            if len(self._threads) < self.size:
                self._start_thread()
            self._unfinished += 1
            waiting.append(lambda: self._run(future, task))
            self._changed.notify()
        return future

    def _run(self, future: "Future[R]", task: Callable[[], R]) -> None:
        """Run a task; it counts as done before anybody is told, who may look whether the pool is idle."""
        if self._stopping:
            future.cancel()
        if not future.set_running_or_notify_cancel():
            self._count_done()
            return
        try:
            result = task()
        except BaseException as error:
            self._count_done()
            future.set_exception(error)
        else:
            self._count_done()
            future.set_result(result)

    def _count_done(self) -> None:
        with self._changed:
            self._unfinished -= 1

    def _start_thread(self) -> None:
        # Daemons: an abandoned generator must not keep the interpreter alive; atexit waits for running tasks.
        thread = threading.Thread(target=self._work, name=f"rapidembed-{len(self._threads)}", daemon=True)
        thread.start()
        self._threads.append(thread)

    def _work(self) -> None:
        while (taken := self._take()) is not None:
            task, due = taken
            started = time.perf_counter()
            task()
            self._account(due * (time.perf_counter() - started))
            del task, taken  # they hold the batch and its result; the wait for the next one may be long

    def _take(self) -> tuple[Callable[[], None], float] | None:
        """The next task, and what a second of it adds to what bulk work should have had; None: there is none left."""
        with self._changed:
            while not self._urgent and not self._bulk:
                if self._stopping:
                    return None
                self._changed.wait()
            if not self._bulk:
                self._owed = 0.0
                return self._urgent.popleft(), 0.0
            if not self._urgent:
                return self._bulk.popleft(), 0.0  # nobody else wants the time
            if self._owed > 0:
                return self._bulk.popleft(), _BULK_SHARE - 1
            return self._urgent.popleft(), _BULK_SHARE

    def _account(self, due: float) -> None:
        with self._changed:
            self._owed += due


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
