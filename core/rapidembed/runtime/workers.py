"""One process-wide pool of compute threads, shared by every model, sync and async.

ONNX Runtime and the tokenizers release the interpreter lock while they compute, so threads use every core with one
copy of the weights. Urgent work (a lone query) overtakes the batches of bulk work that wait, but never takes all of the
time. Nor does it wait for those that run: a batch cannot be stopped, so it begins beside them, on a spare thread, and
no new batch begins while more threads than the pool's size are at work.
"""

import atexit
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, ParamSpec, TypeVar

from rapidembed import settings
from rapidembed.runtime.cores import allowed_cores

P = ParamSpec("P")
R = TypeVar("R")

_BULK_SHARE = 0.125
"""Of the time of all cores, what bulk work gets at least."""
SPARE = 2
"""Urgent tasks that begin amid bulk work though as many run as should: who comes alone, and the one after."""


class ComputePool:
    """Threads that run tasks by urgency, then in order of arrival.

    Args:
        size: tasks that run at the same time; up to :data:`SPARE` more while urgent ones came amid bulk work.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._most_threads = size + min(size, SPARE)
        self._urgent: deque[Callable[[], None]] = deque()
        self._first: deque[Callable[[], None]] = deque()
        self._bulk: deque[Callable[[], None]] = deque()
        self._running = self._running_urgent = 0
        self._changed = threading.Condition(threading.Lock())
        self._unfinished = 0
        self._stopping = False
        self._threads: list[threading.Thread] = []
        self._owed = 0.0
        """Seconds of a core that bulk work that waits should have had by now."""

    @property
    def idle(self) -> bool:
        """Whether no task runs or waits."""
        return self._unfinished == 0

    @property
    def alone(self) -> bool:
        """Whether no task runs or waits but the one that asks."""
        return self._unfinished == 1

    @property
    def pressed(self) -> bool:
        """Whether urgent work waits, so that bulk work had better be in small pieces."""
        return bool(self._urgent)

    def start(self) -> None:
        """Start all threads now, so that nobody who submits work has to."""
        with self._changed:
            while len(self._threads) < self._most_threads and not self._stopping:
                self._start_thread()

    def submit(self, task: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> "Future[R]":
        """Queue bulk work."""
        return self._submit(self._bulk, lambda: task(*args, **kwargs))

    def submit_urgent(self, task: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> "Future[R]":
        """Queue work that somebody waits for: it runs before bulk work that has not started, unless that starves."""
        return self._submit(self._urgent, lambda: task(*args, **kwargs))

    def submit_first(self, task: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> "Future[R]":
        """Queue a small piece of bulk work that the rest of it waits for."""
        return self._submit(self._first, lambda: task(*args, **kwargs))

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
        future.add_done_callback(self._count_cancelled)
        with self._changed:
            if self._stopping:
                raise RuntimeError("Models cannot be used while the interpreter shuts down.")
            if len(self._threads) < self._most_threads:
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

    def _count_cancelled(self, future: "Future[Any]") -> None:
        """Who takes a task back need not wait for a thread to find that out."""
        if future.cancelled():
            self._count_done()

    def _start_thread(self) -> None:
        # Daemons: an abandoned generator must not keep the interpreter alive; atexit waits for running tasks.
        thread = threading.Thread(target=self._work, name=f"rapidembed-{len(self._threads)}", daemon=True)
        thread.start()
        self._threads.append(thread)

    def _work(self) -> None:
        while (taken := self._take()) is not None:
            task, urgent, due = taken
            started = time.perf_counter()
            task()
            self._account(urgent, due * (time.perf_counter() - started))
            del task, taken  # they hold the batch and its result; the wait for the next one may be long

    def _take(self) -> tuple[Callable[[], None], bool, float] | None:
        """The next task, whether it is urgent, and what a second of it adds to what bulk work should have had by now.

        None: there is none left.
        """
        with self._changed:
            while (urgent := self._next()) is None:
                if self._stopping and not (self._urgent or self._first or self._bulk):
                    return None
                self._changed.wait()
            self._running += 1
            self._running_urgent += urgent
            bulk = self._first or self._bulk
            if urgent:
                self._owed = self._owed if bulk else 0.0
                return self._urgent.popleft(), True, _BULK_SHARE if bulk else 0.0
            # Where nobody else wants the time, it is no debt.
            return bulk.popleft(), False, _BULK_SHARE - 1 if self._urgent else 0.0

    def _next(self) -> bool | None:
        """Whether an urgent task is to begin now, or one of bulk work (False), or none (None)."""
        free = self._running < self.size
        bulk = free and bool(self._first or self._bulk)
        if bulk and self._owed > 0:
            return False
        if self._urgent and self._running_urgent < self.size and self._running < self._most_threads:
            return True
        return False if bulk else None

    def _account(self, urgent: bool, due: float) -> None:
        with self._changed:
            self._owed += due * self.size / max(self.size, self._running)  # what a thread had of a core
            self._running -= 1
            self._running_urgent -= urgent
            self._changed.notify(self._most_threads if self._stopping else 1)


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
