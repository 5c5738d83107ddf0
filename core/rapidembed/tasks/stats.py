"""What a model has done so far, for people and for dashboards."""

import math
import threading
import time
from collections import Counter
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType

from rapidembed.runtime.meter import Work
from rapidembed.tasks.call import Call

_STEPS = 24
"""Buckets of times for each factor e: a percentile is exact to two hundredths."""
_RECENT = 256


@dataclass(frozen=True, slots=True)
class Stats:
    """Sums since the object was made. All times are in seconds.

    ``calls`` to ``p99`` are this object's. The others are the loaded model's, which objects of the same options share;
    they begin with its loading, and are 0 for models that count words.
    """

    __module__ = "rapidembed"

    calls: int
    """Calls that ended, streams included."""
    errors: int
    """Those of them that raised one."""
    texts: int
    """Inputs of the calls: texts, pairs or pictures."""
    p50: float
    """Half the calls took no longer; of calls that return all at once, as are all times of calls."""
    p99: float
    """99 of 100 calls took no longer."""
    tokens: int
    """Tokens that were computed, filling aside."""
    batches: int
    """Runs of the model; lone inputs that ran by themselves count as one each."""
    batch_rows: float
    """Inputs in one of them, on average."""
    padding: float
    """Share of what was computed that only fills batches up, 0 to 1."""
    tokenizing_time: float
    """Of threads that tokenized, added up."""
    running_time: float
    """Of runs of the model, added up where they ran at the same time."""
    waiting_time: float
    """Of lone inputs in the queue for a batch, added up."""
    queued: int
    """Lone inputs that were in it."""
    queue_length: int
    """Lone inputs that are in it now."""


class CallMeter:
    """Adds up the calls of one object; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls = self._errors = self._texts = 0
        self._recent: list[float] = []
        """Times that are not in a bucket yet: a call adds its own in the fewest steps."""
        self._times: Counter[int] = Counter()

    def add(self, texts: int, seconds: float | None, *, failed: bool) -> None:
        """Count a call; None: how long it took is not only ours."""
        with self._lock:
            self._calls += 1
            self._errors += failed
            self._texts += texts
            if seconds is not None:
                self._recent.append(seconds)
                if len(self._recent) == _RECENT:
                    self._sort()

    def read(self, work: Work) -> Stats:
        """The sums, with those of the loaded model."""
        with self._lock:
            self._sort()
            return Stats(
                calls=self._calls,
                errors=self._errors,
                texts=self._texts,
                p50=self._percentile(0.50),
                p99=self._percentile(0.99),
                tokens=work.tokens,
                batches=work.batches,
                batch_rows=work.rows / max(work.batches, 1),
                padding=1 - work.tokens / max(work.slots, 1) if work.slots else 0.0,
                tokenizing_time=work.tokenizing,
                running_time=work.running,
                waiting_time=work.waiting,
                queued=work.queued,
                queue_length=work.queue,
            )

    def _sort(self) -> None:
        self._times.update(math.ceil(_STEPS * math.log(max(seconds, 1e-9))) for seconds in self._recent)
        self._recent.clear()

    def _percentile(self, share: float) -> float:
        wanted, seen = share * self._times.total(), 0
        for bucket, count in sorted(self._times.items()):
            seen += count
            if seen >= wanted:
                return math.exp((bucket - 0.5) / _STEPS)
        return 0.0


class Measured:
    """A context for the work of a call, around another one; the call is added to ``meter``."""

    __slots__ = ("_call", "_inner", "_meter", "_started", "_stream")

    def __init__(self, meter: CallMeter, inner: "AbstractContextManager[None, None]", call: Call, stream: bool) -> None:
        self._meter, self._inner, self._call, self._stream = meter, inner, call, stream

    def __enter__(self) -> None:
        self._inner.__enter__()
        self._started = time.perf_counter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        seconds = None if self._stream else time.perf_counter() - self._started
        self._meter.add(self._call.texts, seconds, failed=isinstance(error, Exception))
        self._inner.__exit__(kind, error, traceback)
