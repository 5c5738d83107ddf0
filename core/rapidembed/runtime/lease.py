"""Facades share engines: the first lease loads one, the last to be released frees it."""

import ctypes
import logging
import os
import threading
import weakref
from collections import deque
from typing import Any

from rapidembed import settings
from rapidembed.errors import ClosedError
from rapidembed.runtime.backends import BACKENDS
from rapidembed.runtime.batcher import Batcher
from rapidembed.runtime.engine import EngineKey

logger = logging.getLogger(__name__)

_process = os.getpid()  # asking the system takes every call its time
_lock = threading.Lock()
_engines: dict[str, tuple[Batcher[Any], int]] = {}
# Leases that ended and are still to be counted. Finalizers run whenever the garbage collector likes, also in a thread
# that holds the lock, so they only leave a note here.
_ended: deque[tuple[str, int]] = deque()


def open_engine(key: EngineKey) -> Batcher[Any]:
    """Load the model of ``key``, as its backend does; concurrent callers share batches where that is worth it."""
    logger.debug("Loading %s in %s by %s.", key.checkpoint.spec.name, key.precision, key.backend)
    backend = BACKENDS[key.backend]
    return Batcher(backend.load().open_engine(key), together=backend.batched and settings.batches_callers())


class Lease:
    """A claim of ``owner`` on the engine of ``key``; it ends by ``release`` or with its owner."""

    def __init__(self, owner: object, key: EngineKey) -> None:
        self._key = key
        self._process = _process
        self._engine: Batcher[Any] | None = _acquire(key)
        self._finalizer = weakref.finalize(owner, _end, key.identity, self._process)
        self._finalizer.atexit = False

    @property
    def engine(self) -> Batcher[Any]:
        """The engine; in a forked child one of its own.

        Raises:
            ClosedError: the lease was released.
        """
        if self._process != _process:
            self._renew()
        if self._engine is None:
            raise ClosedError("The model was closed. Create a new one; its weights load from the cache.")
        return self._engine

    @property
    def released(self) -> bool:
        """Whether ``release`` was called."""
        return self._engine is None

    def release(self) -> None:
        """Give the engine back; calling it again does nothing."""
        self._engine = None
        self._finalizer()

    def _renew(self) -> None:
        # The finalizer still names the parent's process, so it leaves the child's engines alone: they live as long as
        # the child.
        with _renewals:
            if self._process != _process:
                if self._engine is not None:
                    self._engine = _acquire(self._key)
                self._process = _process


_renewals = threading.Lock()


def _acquire(key: EngineKey) -> Batcher[Any]:
    with _lock:
        engine, leases = _engines.get(key.identity) or (open_engine(key), 0)
        _engines[key.identity] = (engine, leases + 1)
    _count_ended()
    return engine


def _end(identity: str, process: int) -> None:
    if process == _process:
        _ended.append((identity, process))
        _count_ended()


def _count_ended() -> None:
    """Free the engines whose last lease ended, unless another thread is at it, or this one further up the stack."""
    while _ended and _lock.acquire(blocking=False):
        freed = []
        try:
            while _ended:
                identity, process = _ended.popleft()
                if process == _process:
                    engine, leases = _engines.pop(identity)
                    if leases > 1:
                        _engines[identity] = (engine, leases - 1)
                    freed.append(engine)
        finally:
            _lock.release()
        freed.clear()  # outside the lock: a session takes its time to go


def _forget_in_child() -> None:
    global _lock, _renewals, _process
    _lock, _renewals, _process = threading.Lock(), threading.Lock(), os.getpid()
    for engine, _ in _engines.values():
        # Destroying an inherited session would wait for threads that the child does not have, so a reference is leaked.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(engine))
    _engines.clear()
    _ended.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
