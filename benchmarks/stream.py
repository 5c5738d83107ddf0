"""A stream of any length through rapidembed's ``embed``: a constant rate in flat memory."""

import json
import random
import tempfile
from itertools import accumulate
from pathlib import Path
from statistics import linear_regression, median
from typing import Any

from benchmarks import corpus as documents
from benchmarks import export, shapes
from benchmarks.client import Worker, WorkerError, say
from benchmarks.corpus import Corpus
from benchmarks.engines import OURS
from benchmarks.machine import heading
from benchmarks.paths import WORK
from benchmarks.results import record
from benchmarks.tables import Table, describe_machine, number, render

_STEP = 5000
_WARM_UP = 2
"""Points at the start that slopes leave out."""


def main(count: int, seed: int, name: str) -> None:
    """Measure, and write NAME-stream.json and NAME-stream.md.

    Raises:
        SystemExit: the engine failed.
    """
    say(f"streaming {count} texts")
    corpus = documents.load(shapes.source(shapes.REAL), None, seed)
    found = heading(texts=count, seed=seed, max_tokens=documents.MAX_TOKENS)
    found |= {"weights_mb": shapes.weights_mb(shapes.REAL), "corpus": corpus.statistics()}
    try:
        found |= stream(corpus, count)
    except WorkerError as error:
        raise SystemExit(f"the stream failed: {error}") from error
    found["summary"] = summarize(found)
    record(f"{name}-stream", found, markdown(found))
    print(markdown(found))


def stream(corpus: Corpus, count: int) -> dict[str, Any]:
    """``count`` texts from a generator through ``embed``: the corpus again and again, each pass in another order.

    Raises:
        WorkerError: the engine failed.
    """
    order: list[int] = []
    for passing in range(-(-count // len(corpus))):
        order += random.Random(passing).sample(range(len(corpus)), len(corpus))
    del order[count:]
    seen = list(accumulate((corpus.tokens[index] for index in order), initial=0))
    notes: list[dict[str, Any]] = [{"texts": 0, "seconds": 0.0}]
    points = []

    def note(now: dict[str, Any]) -> None:
        last, seconds = notes[-1], now["seconds"] - notes[-1]["seconds"]
        rates = {
            "texts_per_s": (now["texts"] - last["texts"]) / seconds,
            "tokens_per_s": (seen[now["texts"]] - seen[last["texts"]]) / seconds,
        }
        points.append({"texts": now["texts"], **rates, "rss_mb": now["rss_bytes"] / 1e6})
        notes.append(now)
        say(f"  {now['texts']} texts: {rates['texts_per_s']:.1f} texts/s, {now['rss_bytes'] / 1e6:.0f} MB")

    WORK.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="run-", dir=WORK) as folder:
        files = {"texts": Path(folder, "texts"), "order": Path(folder, "order")}
        files["texts"].write_text(json.dumps(corpus.texts), encoding="utf-8")
        files["order"].write_text(json.dumps(order), encoding="utf-8")
        with Worker(OURS, export.folder(shapes.REAL, "weights")) as worker:
            arguments = {name: str(file) for name, file in files.items()}
            answer = worker.ask("stream", on_progress=note, every=min(_STEP, max(1, count // 12)), **arguments)
    return {"points": points, "seconds": answer["seconds"], "peak_mb": answer["peak_bytes"] / 1e6}


def summarize(found: dict[str, Any]) -> dict[str, Any]:
    """Slopes over the stream once it is warm."""
    points = found["points"][_WARM_UP:]
    if len(points) < 3:
        return {}
    at, memory, rate = zip(*((p["texts"] / 10_000, p["rss_mb"], p["tokens_per_s"]) for p in points), strict=True)
    return {
        "memory_mb_per_10k_texts": linear_regression(at, memory).slope,
        "memory_spread_mb": max(memory) - min(memory),
        "rate_percent_per_10k_texts": 100 * linear_regression(at, rate).slope / (sum(rate) / len(rate)),
        "rate_spread_percent": 100 * (max(rate) - min(rate)) / median(rate),
    }


def markdown(found: dict[str, Any]) -> str:
    """The report of a streaming run."""
    warm, texts, seconds = found["summary"], found["points"][-1]["texts"], found["seconds"]
    table: Table = [["texts so far", "texts/s", "tokens/s", "memory, MB"]]
    for point in found["points"]:
        row = [f"{point['texts']:,}", number(point["texts_per_s"], 1), number(point["tokens_per_s"], 0)]
        table.append([*row, number(point["rss_mb"], 0)])
    parts = [
        "# rapidembed on a stream",
        f"{texts:,} texts from a generator through `embed` in {seconds:.0f} s, {texts / seconds:.1f} texts/s, highest "
        f"memory {found['peak_mb']:.0f} MB (weights: {found['weights_mb']:.0f} MB). {found['date']}, "
        f"{found['machine']['cores']} cores, all-MiniLM-L6-v2, texts cut at 512 tokens.",
    ]
    if warm:
        parts.append(
            f"Once warm: memory {warm['memory_mb_per_10k_texts']:+.2f} MB per 10,000 texts (all within "
            f"{warm['memory_spread_mb']:.1f} MB), rate {warm['rate_percent_per_10k_texts']:+.2f} % of tokens/s "
            f"per 10,000 texts (all within {warm['rate_spread_percent']:.1f} %). The slopes are straight lines "
            f"through every row below but the first {_WARM_UP}."
        )
    parts += [
        render(table),
        f"Each row is the stretch since the row before, from window to window. The {found['corpus']['texts']:,} "
        "different texts come again and again, each time in another order; nothing is cached between passes.",
        "## Machine and versions",
        describe_machine(found),
    ]
    return "\n\n".join(parts) + "\n"
