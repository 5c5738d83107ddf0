"""What a loaded model has done so far: a few sums, taken always, for they cost microseconds."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rapidembed.runtime.ready import Ready


@dataclass(frozen=True, slots=True)
class Work:
    """Sums over all that a model computed."""

    batches: int = 0
    rows: int = 0
    """Inputs in them."""
    tokens: int = 0
    """Of these inputs."""
    slots: int = 0
    """Tokens that were computed, filling included."""
    tokenizing: float = 0.0
    """Seconds of threads."""
    running: float = 0.0
    """Seconds of batches, added up where they ran at the same time."""
    waiting: float = 0.0
    """Seconds of lone inputs that queued."""
    queued: int = 0
    """Inputs that did."""
    queue: int = 0
    """Inputs that do now."""


class Meter:
    """Adds up; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._batches = self._rows = self._tokens = self._slots = self._queued = 0
        self._tokenizing = self._running = self._waiting = 0.0

    @property
    def pace(self) -> float:
        """Seconds that a token took on average; 0 before the first."""
        return self._running / self._tokens if self._tokens else 0.0

    def tokenized(self, seconds: float) -> None:
        """That inputs were made ready."""
        with self._lock:
            self._tokenizing += seconds

    def ran(self, inputs: Sequence[Ready], length: int, seconds: float) -> None:
        """That a batch was computed; ``length`` as of :meth:`rapidembed.runtime.engine.Engine.run`."""
        tokens = sum([item.length for item in inputs])
        with self._lock:
            self._batches += 1
            self._rows += len(inputs)
            self._tokens += tokens
            self._slots += max(tokens, length * len(inputs))
            self._running += seconds

    def waited(self, seconds: Sequence[float]) -> None:
        """That inputs had to."""
        with self._lock:
            self._queued += len(seconds)
            self._waiting += sum(seconds)

    def read(self, queue: int = 0) -> Work:
        """The sums so far."""
        with self._lock:
            sums = Work(
                batches=self._batches,
                rows=self._rows,
                tokens=self._tokens,
                slots=self._slots,
                tokenizing=self._tokenizing,
                running=self._running,
                waiting=self._waiting,
                queued=self._queued,
            )
        return replace(sums, queue=queue)
