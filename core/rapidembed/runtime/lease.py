"""Facades share engines: the first lease loads one, the last to be released frees it."""

import ctypes
import os
import threading
import weakref

from rapidembed.errors import ClosedError
from rapidembed.runtime.engine import Engine, EngineKey

_lock = threading.Lock()
_engines: dict[str, tuple[Engine, int]] = {}


class Lease:
    """A claim of ``owner`` on the engine of ``key``; it ends by ``release`` or with its owner."""

    def __init__(self, owner: object, key: EngineKey) -> None:
        self._key = key
        self._process = os.getpid()
        self._engine: Engine | None = _acquire(key)
        self._finalizer = weakref.finalize(owner, _release, key.identity, self._process)
        self._finalizer.atexit = False

    @property
    def engine(self) -> Engine:
        """The engine; in a forked child one of its own.

        Raises:
            ClosedError: the lease was released.
        """
        if self._engine is None:
            raise ClosedError("The model was closed. Create a new one; its weights load from the cache.")
        if self._process != os.getpid():
            # The finalizer still names the parent's process, so it leaves the child's engines alone: they live as long
            # as the child.
            self._process = os.getpid()
            self._engine = _acquire(self._key)
        return self._engine

    @property
    def released(self) -> bool:
        """Whether ``release`` was called."""
        return self._engine is None

    def release(self) -> None:
        """Give the engine back; calling it again does nothing."""
        self._engine = None
        self._finalizer()


def _acquire(key: EngineKey) -> Engine:
    with _lock:
        engine, leases = _engines.get(key.identity) or (Engine(key), 0)
        _engines[key.identity] = (engine, leases + 1)
        return engine


def _release(identity: str, process: int) -> None:
    if process != os.getpid():
        return
    with _lock:
        engine, leases = _engines.pop(identity)
        if leases > 1:
            _engines[identity] = (engine, leases - 1)


def _forget_in_child() -> None:
    global _lock
    _lock = threading.Lock()
    for engine, _ in _engines.values():
        # Destroying an inherited session would wait for threads that the child does not have, so a reference is leaked.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(engine))
    _engines.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
