"""One engine in a process of its own, driven by JSON lines: ``python -m benchmarks.worker ENGINE FOLDER [HEAD]``.

Every request is answered by one line; ``stream`` sends progress lines before it. Only what the engine itself needs is
imported before it is loaded, so that start-up time and memory are the engine's.
"""

import json
import math
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.engines import ENGINES, Loaded

_WARM_UP_TEXTS = 16
_PAUSE_SECONDS = 0.02


class Commands:
    """What a parent may ask for."""

    def __init__(self, engine: Loaded, send: Callable[[dict[str, Any]], None]) -> None:
        self._engine = engine
        self._send = send

    def bulk(self, texts: str, batch_size: int | None, save: str | None = None, call: str = "embed") -> dict[str, Any]:
        """Embed a file of texts; the time is that of the one call, the peak that of the process so far.

        ``others`` is the share of the machine that other processes took in the meantime.
        """
        corpus, work = _read(texts), getattr(self._engine, call)
        work(corpus[:_WARM_UP_TEXTS], batch_size)
        busy, own = _busy_seconds(), time.process_time()
        start = time.perf_counter()
        results = work(corpus, batch_size)
        seconds = time.perf_counter() - start
        others = (_busy_seconds() - busy - time.process_time() + own) / (seconds * (os.cpu_count() or 1))
        peak = peak_bytes()
        if save is not None:
            import numpy as np

            np.save(save, getattr(self._engine, "digest", np.asarray)(results))
        return {"seconds": seconds, "peak_bytes": peak, "others": None if math.isnan(others) else max(0.0, others)}

    def query(self, texts: list[str], warm: int = 0) -> dict[str, Any]:
        """Seconds of each text embedded alone, after ``warm`` that are not counted."""
        seconds = []
        for text in [*texts[:warm], *texts]:
            start = time.perf_counter()
            self._engine.query(text)
            seconds.append(time.perf_counter() - start)
        return {"seconds": seconds[warm:]}

    def stream(self, texts: str, order: str, every: int) -> dict[str, Any]:
        """Embed texts from a generator in the order given, telling time and memory about each ``every`` texts.

        Vectors come in bursts, one per batch or window. A rate is exact only from the end of a burst to the end of
        another, so a point waits for the pause after the burst that reaches it.
        """
        corpus, indices = _read(texts), _read(order)
        start = latest = time.perf_counter()
        done, mark = 0, every

        def tell() -> None:
            self._send({"progress": {"texts": done, "seconds": latest - start, "rss_bytes": resident_bytes()}})

        for _ in self._engine.stream(corpus[index] for index in indices):
            now = time.perf_counter()
            if done >= mark and now - latest > _PAUSE_SECONDS:
                tell()
                mark = (done // every + 1) * every
            latest = now
            done += 1
        tell()
        return {"texts": done, "seconds": latest - start, "peak_bytes": peak_bytes()}


def peak_bytes() -> int:
    """Highest resident memory of this process.

    Linux: VmHWM. getrusage's ru_maxrss begins at what the parent held when it forked; it serves elsewhere.
    """
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def resident_bytes() -> int:
    """Resident memory now, or the peak where the system does not tell."""
    try:
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return peak_bytes()


def _busy_seconds() -> float:
    """Processor time spent by everybody, other virtual machines that steal it included.

    NaN where that is not known, and in containers that own only some of the cores.
    """
    if not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) != os.cpu_count():
        return math.nan
    with open("/proc/stat") as file:
        user, nice, system, _, _, irq, softirq, steal = map(int, file.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _read(path: str) -> list[Any]:
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def main(name: str, folder: str, head: str | None = None) -> None:
    # Libraries may print: the channel to the parent is kept apart from stdout.
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def send(message: dict[str, Any]) -> None:
        channel.write(json.dumps(message) + "\n")
        channel.flush()

    try:
        engine = ENGINES[name].load(Path(folder), head)
        send({"computes": getattr(engine, "computes", None)})
        commands = Commands(engine, send)
        for line in sys.stdin:
            request = json.loads(line)
            send(getattr(commands, request.pop("do"))(**request))
    except Exception as error:
        send({"error": f"{type(error).__name__}: {error}"})
        raise


if __name__ == "__main__":
    main(*sys.argv[1:])
