"""What a process holds."""

import ctypes
import gc
import threading
import time
from dataclasses import dataclass

import psutil
from rapidembed.runtime import background, lease, workers

GROWTH = 1.05, 32.0
"""Factor and megabytes by which memory may differ between two states of rest: what allocators keep varies so much."""


@dataclass(frozen=True)
class State:
    """Of this process, at rest or not."""

    megabytes: float
    threads: int
    """Without the following."""
    waiters: int
    """Threads that wait for coroutines: a pool that peaks of work widen, up to a limit, and that stays as wide."""
    files: int
    """Open descriptors."""
    engines: int

    @classmethod
    def now(cls) -> "State":
        """As it is."""
        process = psutil.Process()
        memory = process.memory_info().rss / 1e6
        waiters = sum(thread.name.startswith("rapidembed-async") for thread in threading.enumerate())
        threads = process.num_threads() - waiters
        return cls(round(memory, 1), threads, waiters, process.num_fds(), len(lease._engines))

    @classmethod
    def at_rest(cls) -> "State":
        """After all work has ended and garbage is collected, with what the allocator keeps given back."""
        until = time.monotonic() + 30
        while not workers.compute_pool().idle and time.monotonic() < until:
            time.sleep(0.05)
        threading.Event().wait(1.0)  # threads that end are counted a little longer
        for _ in range(3):
            gc.collect()
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's
        if trim is not None:
            trim(0)
        return cls.now()

    def grown(self, before: "State") -> list[str]:
        """What there is more of than before."""
        factor, some = GROWTH
        found = [
            f"{name}: {getattr(before, name)} before, {getattr(self, name)} now"
            for name in ("threads", "files", "engines")
            if getattr(self, name) > getattr(before, name)
        ]
        if self.waiters > background._MOST_WAITERS:
            found.append(f"waiters: {self.waiters}, expected {background._MOST_WAITERS} at most")
        if self.megabytes > before.megabytes * factor + some:
            found.append(f"megabytes: {before.megabytes} before, {self.megabytes} now")
        return found

    def __str__(self) -> str:
        threads = f"{self.threads} threads and {self.waiters} that wait for coroutines"
        return f"{self.megabytes:.0f} MB, {threads}, {self.files} descriptors, {self.engines} engines"
