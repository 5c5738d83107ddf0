"""One loaded model for all copies of it that arrive in a process."""

import os
import threading
from collections import OrderedDict
from typing import Any, TypeVar, cast

from rapidembed.tasks.facade import Facade

_MOST = 4
_lock = threading.Lock()
_kept: "OrderedDict[tuple[type[Facade[Any, Any]], str], Facade[Any, Any]]" = OrderedDict()

F = TypeVar("F", bound="Facade[Any, Any]")


def shared(model: F) -> F:
    """The model of this process that has the options of ``model``; it stays loaded between calls.

    Schedulers pickle a function anew with every task, and the model in it, which is its options. A copy that is dropped
    with the task would take the loaded weights along; this one does not.

    Example:
        >>> from rapidembed import TextEmbedding, shared
        >>> model = TextEmbedding("builtin:static-en", lazy_load=True)
        >>> shared(model).encode(["hello"]).shape
        (1, 256)

    Args:
        model: any facade, best made with ``lazy_load=True``, for then the copies load nothing.

    Returns:
        The same object for equal options, until it is closed. The four that were used last are kept.
    """
    key = (type(model), model._copies)
    with _lock:
        kept = _kept.get(key)
        if kept is None or kept._closed:
            _kept[key] = kept = model._lazily()
        _kept.move_to_end(key)
        forgotten = _kept.popitem(last=False) if len(_kept) > _MOST else None
    del forgotten  # outside the lock: a session takes its time to go
    return cast("F", kept)


def _unlock_in_child() -> None:
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock_in_child)
