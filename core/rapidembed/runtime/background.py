"""Threads that wait on behalf of coroutines; all bulk work is the compute pool's."""

import atexit
import contextvars
import os
import threading
from collections import deque
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
    """Run ``work``, which raises nothing, on the next thread that is free; the caller starts one at most."""
    with _lock:
        waiters = _waiters or _start_waiters()
    waiters.submit(work)


def _fulfil(future: "Future[R]", work: Callable[[threading.Event], R], cancelled: threading.Event) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(work(cancelled))
    except BaseException as error:  # it belongs to who awaits
        future.set_exception(error)


class _Waiters:
    """A number of threads that grows with the work, but not on the caller's time.

    Starting 64 threads takes an event loop's thread a tenth of a second. So whoever brings work starts one thread at
    most, and each that takes some starts the next while more of it waits.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._work: deque[Callable[[], None]] = deque()
        self._threads: list[threading.Thread] = []
        self._free = 0
        self._starting = False
        self._stopping = False

    def submit(self, work: Callable[[], None]) -> None:
        with self._changed:
            if self._stopping:
                raise RuntimeError("Models cannot be used while the interpreter shuts down.")
            self._work.append(work)
            self._changed.notify()
        self._grow()

    def stop(self) -> None:
        """Let running work end, and drop the rest."""
        with self._changed:
            self._stopping = True
            self._work.clear()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _grow(self) -> None:
        with self._changed:
            enough = len(self._work) <= self._free or len(self._threads) == _MOST_WAITERS
            if enough or self._starting or self._stopping:
                return
            self._starting = True
            name = f"rapidembed-async-{len(self._threads)}"
            thread = threading.Thread(target=self._run, name=name, daemon=True)
            self._threads.append(thread)
        thread.start()

    def _run(self) -> None:
        self._starting = False
        while (work := self._next()) is not None:
            self._grow()
            work()
            del work  # it holds inputs and results; the wait for the next may be long

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            self._free += 1
            while not self._work and not self._stopping:
                self._changed.wait()
            self._free -= 1
            return self._work.popleft() if self._work else None


_waiters: _Waiters | None = None
_lock = threading.Lock()


def _start_waiters() -> _Waiters:
    global _waiters
    _waiters = _Waiters()
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
