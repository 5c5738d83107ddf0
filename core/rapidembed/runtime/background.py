"""Threads that wait on behalf of coroutines; all bulk work is the compute pool's."""

import atexit
import contextvars
import os
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

R = TypeVar("R")

_MOST_WAITERS = 64


async def in_background(work: Callable[[threading.Event], R]) -> R:
    """Run ``work`` off the event loop, on threads of our own, in the context of the awaiting task.

    Args:
        work: gets an event that is set when the awaiting task is cancelled; it should then stop soon.
    """
    import asyncio  # whoever awaits has it loaded; others do without

    cancelled = threading.Event()
    future: Future[R] = Future()
    context = contextvars.copy_context()
    run_in_background(lambda: context.run(_fulfil, future, work, cancelled))
    try:
        return await asyncio.wrap_future(future)
    except asyncio.CancelledError:
        cancelled.set()
        raise


def run_in_background(work: Callable[[], None]) -> None:
    """Run ``work``, which raises nothing, on the next thread that is free."""
    _started().submit(work)


def start_waiting() -> None:
    """Start the first thread now, so that no event loop has to."""
    _started().grow()


def _fulfil(future: "Future[R]", work: Callable[[threading.Event], R], cancelled: threading.Event) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(work(cancelled))
    except BaseException as error:  # it belongs to who awaits
        future.set_exception(error)


class _Waiters:
    """A number of threads that grows with the work, but not on the caller's time.

    Starting 64 threads takes an event loop's thread a tenth of a second, and any lock that it shares with threads that
    compute may cost it the interpreter's switching interval. So whoever brings work only puts it into a queue; a thread
    that takes some sees to it that another one is free. The caller starts the first thread, unless that was done.
    """

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._free = 0
        self._stopping = False

    def submit(self, work: Callable[[], None]) -> None:
        if self._stopping:
            raise RuntimeError("Models cannot be used while the interpreter shuts down.")
        self._work.put(work)
        if not self._threads:
            self.grow()

    def stop(self) -> None:
        """Let running work end, and drop the rest."""
        with self._lock:
            self._stopping = True
            threads = list(self._threads)
        for _ in threads:
            self._work.put(None)
        for thread in threads:
            thread.join()

    def grow(self) -> None:
        """Have a thread that is free, unless there are enough."""
        with self._lock:
            if self._free > 0 or len(self._threads) == _MOST_WAITERS or self._stopping:
                return
            self._free += 1
            name = f"rapidembed-async-{len(self._threads)}"
            thread = threading.Thread(target=self._run, name=name, daemon=True)
            self._threads.append(thread)
        thread.start()

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            with self._lock:
                self._free -= 1
            if self._stopping:
                return
            self.grow()
            work()
            del work  # it holds inputs and results; the wait for the next may be long
            with self._lock:
                self._free += 1


_waiters: _Waiters | None = None
_lock = threading.Lock()


def _started() -> _Waiters:
    global _waiters
    if _waiters is None:
        with _lock:
            _waiters = _waiters or _Waiters()
    return _waiters


@atexit.register
def _stop_at_exit() -> None:
    if _waiters is not None:
        _waiters.stop()


def _forget_in_child() -> None:
    global _waiters, _lock
    _waiters, _lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
