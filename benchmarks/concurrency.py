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

import asyncio
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count, cycle
from statistics import median
from typing import Any

from benchmarks import export, shapes
from benchmarks.callers import Async, Loop, Sync, queries, tick, with_tasks, with_threads
from benchmarks.client import say
from benchmarks.engines import ENGINES, FASTER, OURS, missing
from benchmarks.machine import cores, heading
from benchmarks.options import command, named, option
from benchmarks.paths import MINILM
from benchmarks.results import NAME, record
from benchmarks.tables import NONE, milliseconds, number, rate, render, times

PEER = "fastembed"
_KINDS = {
    "fp32": OURS,
    "native": "rapidembed-native",
    "int8": "rapidembed-int8",
    "native-int8": "rapidembed-native-int8",
}
"""What our engines are called in these results."""
_TITLES = {
    "fp32": "float32, ONNX Runtime",
    "native": "float32, native",
    "int8": "int8, ONNX Runtime",
    "native-int8": "int8, native",
    PEER: PEER,
}
_CALLERS = (1, 8, 64)
_BESIDE, _PAUSE = 8, 0.2
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
    """None of a peer, which has no such method, nor statistics."""
    model: Any

    def ways(self) -> dict[str, Callable[..., None]]:
        """How it can be called: by (texts, loop, seconds)."""
        threads = {"threads": partial(with_threads, self.sync)}
        return {"asyncio": partial(with_tasks, self.awaited)} | threads if self.awaited else threads


def open_ours(kind: str, **options: Any) -> Contender:
    from rapidembed import TextEmbedding

    model = TextEmbedding(MINILM, **{"precision": "fp32", **FASTER.get(_KINDS[kind], {}), **options})
    return Contender(kind, model.encode_query, model.aencode_query, model)


def open_peer() -> Contender:
    if reason := export.ensure(shapes.REAL, "traced"):
        raise SystemExit(f"fastembed's file is missing: {reason}")
    peer = ENGINES[PEER].load(export.folder(shapes.REAL, "traced"), None)
    return Contender(PEER, peer.query, None, peer)


def burst(contender: Contender, texts: list[str]) -> dict[str, float]:
    """All queries at once: how long the event loop was held, and when the last one was done."""
    late: list[float] = []

    async def run(awaited: Async) -> float:
        ticker = asyncio.create_task(tick(late))
        await asyncio.sleep(0.05)
        began = time.perf_counter()
        await asyncio.gather(*map(awaited, texts))
        ticker.cancel()
        return time.perf_counter() - began

    seconds = asyncio.run(run(contender.model.aencode_query))
    return {"seconds": round(seconds, 3), "tick_max_ms": round(1e3 * max(late), 2)}


def callers(contenders: list[Contender], texts: list[str], seconds: float) -> list[dict[str, Any]]:
    rows = []
    for size in _CALLERS:
        loops = {(each.name, way): Loop(size) for each in contenders for way in each.ways()}
        batches: dict[str, float] = {}
        for _ in range(_ROUNDS):
            for each in contenders:
                before = each.model.stats() if each.awaited else None
                for way, call in each.ways().items():
                    call(texts, loops[each.name, way], seconds / _ROUNDS)
                if before:
                    runs = each.model.stats().batches - before.batches
                    batches[each.name] = (_computed(each.model.stats()) - _computed(before)) / max(1, runs)
        for (kind, way), loop in loops.items():
            row = {"kind": kind, "way": way, "callers": size, **loop.figures()}
            if kind in batches:
                row["batch"] = round(batches[kind], 2)
            say(f"  {json.dumps(row)}")
            rows.append(row)
    return rows


def _computed(stats: Any) -> float:
    """Inputs that the model computed."""
    return float(stats.batches * stats.batch_rows)


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


@contextmanager
def bulk_job(model: Any, texts: list[str]) -> Iterator[Callable[..., float]]:
    """Embeds paragraphs meanwhile; gives a function of what to wait for that tells the job's texts per second."""
    over = threading.Event()

    def endless() -> Iterator[str]:
        for text in cycle(texts):
            if over.is_set():
                return
            yield text

    def rate_while(wait: Callable[[], None], others: Callable[[], int] = lambda: 0) -> float:
        """All that the model computed, without so many ``others``."""
        began, before = time.perf_counter(), _computed(model.stats())
        wait()
        return (_computed(model.stats()) - before - others()) / (time.perf_counter() - began)

    job = threading.Thread(target=lambda: [None for _ in model.embed(endless(), batch_size=_BULK_BATCH)])
    job.start()
    time.sleep(_WARM_UP)
    try:
        yield rate_while
    finally:
        over.set()
        job.join()


def beside(contender: Contender, texts: list[str], seconds: float) -> dict[str, dict[str, float]]:
    """A bulk job of paragraphs and 8 callers, apart and together."""
    paragraphs = [" ".join(texts[i : i + 6]) for i in range(0, _BULK_TEXTS * 6, 6)]
    call, found = contender.ways()["asyncio"], {}
    with bulk_job(contender.model, paragraphs) as rate_while:
        alone = rate_while(lambda: time.sleep(seconds))
    for kind, pause in (("pausing", _PAUSE), ("closed", 0.0)):
        apart, together = Loop(_BESIDE), Loop(_BESIDE)
        call(texts, apart, seconds, pause)
        with bulk_job(contender.model, paragraphs) as rate_while:
            both = rate_while(partial(call, texts, together, seconds, pause), together.times.__len__)
        found[kind] = {
            "p99_apart_ms": apart.figures()["p99_ms"],
            "p99_together_ms": together.figures()["p99_ms"],
            "qps_apart": apart.figures()["qps"],
            "qps_together": together.figures()["qps"],
            "bulk_apart": round(alone, 1),
            "bulk_together": round(both, 1),
        }
    return found


@command(__doc__)
@option("seconds", 6.0, "of each measurement.")
@named(NAME)
def main(seconds: float, name: str) -> None:
    texts = queries()
    found = heading(seconds=seconds, pause=_PAUSE, beside=_BESIDE) | {"burst": {}, "beside": {}}
    contenders = []
    for kind in (kind for kind, engine in _KINDS.items() if not missing(ENGINES[engine].requires)):
        contenders.append(open_ours(kind))
        found["burst"][kind] = burst(contenders[-1], texts[:64])
        say(f"  burst, {kind}: {found['burst'][kind]}")
    peers = [] if missing(ENGINES[PEER].requires) else [open_peer()]
    for each in (*contenders, *peers):
        for text in texts[:50]:
            each.sync(text)
    found["callers"] = callers([*contenders, *peers], texts, seconds)
    os.environ["RAPIDEMBED_BATCHING"] = "0"
    single = open_ours("fp32", threads=cores())  # an engine of its own
    single.name = "fp32, RAPIDEMBED_BATCHING=0"
    single.sync(texts[0])
    found["lone"] = lone([*contenders, single, *peers], texts, 3 * seconds)
    say(f"  lone: {json.dumps(found['lone'])}")
    for each in contenders:
        found["beside"][each.name] = beside(each, texts, seconds)
        say(f"  beside, {each.name}: {json.dumps(found['beside'][each.name])}")
    record(f"{name}-concurrency", found)


def figures(found: dict[str, Any]) -> list[str]:
    """What docs/serving.md shows of a run: paragraphs and tables."""
    machine, settings = found["machine"], found["settings"]
    held = ", ".join(f"{_TITLES[kind]} {milliseconds(row['tick_max_ms'], 0)}" for kind, row in found["burst"].items())
    return [
        f"all-MiniLM-L6-v2, queries of 2 to 14 words, {machine['cores']} cores ({machine['cpu']}), {found['date']}, "
        f"contenders in turns for {settings['seconds']:g} s each; load of the machine before it began: "
        f"{machine['load_average_at_start']:g} (above 1, others computed beside it, and times are not those of a quiet "
        "machine).",
        "So many callers, each of whom sends the next query when the last one is answered. *Fair* is p99 over the time "
        "that a query takes when all callers wait equally long; *held* is how long the event loop was, at most.",
        _callers_table(found["callers"]),
        f"A first burst of 64 queries, to a model just loaded, held the event loop for: {held}.",
        "One query after the other, and the part of its time that is neither tokenizing nor the model's run:",
        _lone_table(found["lone"]),
        f"A bulk job beside {settings['beside']} callers; those who pause send a query each "
        f"{1000 * settings['pause']:.0f} ms, the others do not stop:",
        _beside_table(found["beside"]),
    ]


def _callers_table(rows: list[dict[str, Any]]) -> str:
    peers = {row["callers"]: row["qps"] for row in rows if row["kind"] == PEER}
    head = ["callers", "", "queries/s", "to fastembed", "p50", "p99", "fair", "rows a batch", "held"]
    cells = [
        [
            str(row["callers"]),
            f"{_TITLES[row['kind']]}, {row['way'].removesuffix('io')}",
            rate(row["qps"]),
            times(row["qps"] / peers[row["callers"]]) if peers else NONE,
            milliseconds(row["p50_ms"], 1),
            milliseconds(row["p99_ms"], 1),
            f"{row['p99_ms'] / row['fair_ms']:.1f}",
            number(row.get("batch"), 1),
            milliseconds(row.get("tick_max_ms"), 0),
        ]
        for row in rows
    ]
    return render([head, *cells])


def _lone_table(rows: dict[str, dict[str, float]]) -> str:
    cells = [
        [_TITLES.get(kind, kind), milliseconds(row["p50_ms"], 2), milliseconds(row.get("outside_ms"), 2)]
        for kind, row in rows.items()
    ]
    return render([["", "p50", "outside"], *cells])


def _beside_table(kinds: dict[str, dict[str, dict[str, float]]]) -> str:
    head = ["", "p99 apart", "p99 together", "queries/s together", "bulk texts/s apart", "together"]
    cells = [
        [
            f"{_TITLES[kind]}, {'who pause' if way == 'pausing' else 'who do not'}",
            *(milliseconds(row[f"p99_{when}_ms"], 1) for when in ("apart", "together")),
            *(rate(row[name]) for name in ("qps_together", "bulk_apart", "bulk_together")),
        ]
        for kind, ways in kinds.items()
        for way, row in ways.items()
    ]
    return render([head, *cells])


if __name__ == "__main__":
    main()
