"""The sessions of one model, loaded when they are first needed."""

import itertools
import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rapidembed.graph import Program, load_program
from rapidembed.runtime.backends.backend import GraphBackend, Session
from rapidembed.runtime.engine import EngineKey
from rapidembed.runtime.freed import give_back
from rapidembed.runtime.workers import SPARE
from rapidembed.types import ProviderSpec

# Two sessions hold two copies of the packed weights. Above this size one session does both jobs.
_TWO_SESSIONS_BELOW = 500_000_000
# Above this size a wide session that nobody has used gives way to a bulk one, and is loaded again for a lone text.
_GIVES_WAY_ABOVE = 200_000_000


class Sessions:
    """On CPU there are two kinds.

    *Bulk*: each worker thread runs its own batch on one core, all with the same session. *Wide*: all cores work on one
    text, which nearly halves the latency of a lone query. On a GPU there is one session per device.
    """

    def __init__(self, key: EngineKey, cores: int, backend: GraphBackend) -> None:
        self._key = key
        self._placement = key.placement
        self._cores = cores
        self._backend = backend
        self._lock = threading.RLock()
        self._program: Program | None = None
        self._wide: Session | None = None
        self._wide_used = False
        self._bulk_started = False
        self._idle: queue.SimpleQueue[Session] = queue.SimpleQueue()

    @property
    def program(self) -> Program:
        """The graph that the sessions run."""
        with self._lock:
            if self._program is None:
                checkpoint = self._key.checkpoint
                options = self._backend.program_options(self._key.precision, checkpoint)
                self._program = load_program(
                    checkpoint, masked=not self._placement.on_cpu, rounding=options.rounding, plain=options.plain
                )
            return self._program

    @property
    def bulk_width(self) -> int:
        """Cores that work on one bulk batch."""
        return self._cores if self._placement.on_cpu and self.program.weight_bytes > _TWO_SESSIONS_BELOW else 1

    @property
    def workers(self) -> int:
        """Bulk batches that may run at the same time."""
        return self._cores // self.bulk_width if self._placement.on_cpu else len(self._placement.sessions)

    @property
    def wide(self) -> Session:
        """The CPU session that puts all cores to work on one text."""
        with self._lock:
            self._wide_used = True
            return self.load_wide()

    def load_wide(self) -> Session:
        """Load it ahead of its use."""
        with self._lock:
            if self._wide is None:
                self._wide = self._session(self._placement.sessions[0], self._cores)
            return self._wide

    @contextmanager
    def bulk(self) -> Iterator[Session]:
        """A session for one batch; waits while as many batches run as may."""
        self.start_bulk()
        session = self._idle.get()
        try:
            yield session
        finally:
            self._idle.put(session)

    def start_bulk(self) -> None:
        """Load the bulk sessions, unless they are."""
        with self._lock:
            if self._bulk_started:
                return
            # Queries begin beside the batches that run.
            callers = self.workers + (min(self.workers, SPARE) if self._placement.on_cpu else 0)
            if self._cores == self.bulk_width and self._placement.on_cpu:
                sessions = [self.wide]
            else:
                if not self._wide_used and self.program.weight_bytes > _GIVES_WAY_ABOVE:
                    self._wide = None
                    give_back()  # or the next one would come on top
                sessions = [self._session(providers, 1, callers) for providers in self._placement.sessions]
            for session in itertools.islice(itertools.cycle(sessions), callers):
                self._idle.put(session)
            self._bulk_started = True

    def _session(self, providers: Sequence[ProviderSpec], threads: int, callers: int = 1) -> Session:
        self._key.checkpoint.check(self._key.stamp)
        return self._backend.open(
            self.program, providers, precision=self._key.precision, threads=threads, callers=callers
        )
