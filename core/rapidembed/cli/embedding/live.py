"""Input that takes its time: a pipe whose writer is still at work."""

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from rapidembed.cli.embedding.readers import Item

_PATIENCE_SECONDS = 0.1
_MOST_WAITING = 1024


@dataclass(frozen=True, slots=True)
class _End:
    error: Exception | None = None


def with_pauses(items: Iterator[Item]) -> Iterator[Item | None]:
    """The items, read by another thread, and a None wherever the next one is not there yet."""
    arrived: queue.Queue[Item | _End] = queue.Queue(_MOST_WAITING)

    def read() -> None:
        try:
            for item in items:
                arrived.put(item)
        except Exception as error:  # it belongs to whoever asks for the next item
            arrived.put(_End(error))
        else:
            arrived.put(_End())

    # A daemon: nothing can wake a thread that waits for a pipe, and the process may end before the pipe does.
    threading.Thread(target=read, name="rapidembed-input", daemon=True).start()
    item = arrived.get()
    while not isinstance(item, _End):
        yield item
        try:
            item = arrived.get(timeout=_PATIENCE_SECONDS)
        except queue.Empty:
            yield None
            item = arrived.get()
    if item.error is not None:
        yield None  # what came before it is not lost
        raise item.error
