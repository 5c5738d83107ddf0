"""What an engine past one process costs: workers with one thread each beside a process, over the same texts.

Rates of workers are those of the time in which all of them work: from the first batch of the last to start until the
last batch of the first to end.
"""

import time
import warnings
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pyarrow as pa
from rapidembed import TextEmbedding

from benchmarks.corpus import load
from benchmarks.machine import machine
from benchmarks.paths import MINILM, model_folder
from benchmarks.results import publish

BATCH = 256
_TEXTS, _TOKENS = 3072, 64

Batches = dict[tuple[float, float, float], int]
"""Worker, begin and end of each batch -> its texts."""


def model(**options: Any) -> TextEmbedding:
    return TextEmbedding(MINILM, threads=1, max_tokens=_TOKENS, **options)


def rate(batches: Batches, workers: int) -> float:
    """Texts a second, of all workers together."""
    spans: dict[float, list[tuple[float, float]]] = defaultdict(list)
    for worker, began, ended in batches:
        spans[worker].append((began, ended))
    if len(spans) < workers:
        raise SystemExit(f"{len(spans)} of {workers} workers computed anything; more texts are needed.")
    start = max(min(began for began, _ in span) for span in spans.values())
    end = min(max(ended for _, ended in span) for span in spans.values())
    done = sum(
        count * max(0.0, min(ended, end) - max(began, start)) / (ended - began)
        for (_, began, ended), count in batches.items()
    )
    return done / (end - start)


def compare(engine: str, worker: str, run: Callable[[list[str], int], Batches], *more: Callable[[], list[str]]) -> None:
    """Publish what ``run`` comes to with one worker and with two, each with as many texts; and ``more`` rows."""
    warnings.simplefilter("ignore")
    found = load(model_folder(), _TEXTS, seed=0).texts
    texts = [found[i % len(found)] for i in range(_TEXTS)]
    with model() as loaded:
        loaded.embed_arrow(pa.array(texts[:BATCH]))
        began = time.perf_counter()
        loaded.embed_arrow(pa.array(texts))
        process = _TEXTS / (time.perf_counter() - began)
    one, two = (rate(run(texts * workers, workers), workers) for workers in (1, 2))
    shares = {
        "one process": (process, 1.0),
        f"one {worker}": (one, one / process),
        f"two {worker}s": (two, two / (2 * one)),
    }
    table = [["", "texts/s", "share"]]
    table += [[name, f"{value:,.0f}", f"{share:.3f}"] for name, (value, share) in shares.items()]
    about = (
        f"all-MiniLM-L6-v2, fp32, texts cut at {_TOKENS} tokens, a thread a process; {machine()['cpu']}. One {worker} "
        "is compared with the process, two with twice the one."
    )
    publish(engine, about, [*table, *(row() for row in more)])
