"""Threads that wait on behalf of coroutines; all bulk work is the compute pool's."""

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor  # at run time it is loaded with the first coroutine

R = TypeVar("R")

_MOST_WAITERS = 64
_executor: "ThreadPoolExecutor | None" = None
_lock = threading.Lock()


async def in_background(work: Callable[[threading.Event], R]) -> R:
    """Run ``work`` off the event loop, on threads of our own.

    Args:
        work: gets an event that is set when the awaiting task is cancelled; it should then stop soon.
    """
    import asyncio  # whoever awaits has it loaded; others do without

    cancelled = threading.Event()
    future = _waiters().submit(work, cancelled)
    try:
        return await asyncio.wrap_future(future)
    except asyncio.CancelledError:
        cancelled.set()
        raise


def _waiters() -> "ThreadPoolExecutor":
    from concurrent.futures import ThreadPoolExecutor

    global _executor
    with _lock:
        if _executor is None:
            _executor = ThreadPoolExecutor(_MOST_WAITERS, thread_name_prefix="rapidembed-async")
        return _executor


def _forget_in_child() -> None:
    global _executor, _lock
    _executor, _lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
