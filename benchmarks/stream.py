"""A stream of any length through rapidembed's ``embed``: a constant rate in flat memory."""

import datetime
import json
import random
import tempfile
from pathlib import Path
from statistics import linear_regression, median
from typing import Any

from benchmarks import corpus as documents
from benchmarks import export, shapes
from benchmarks.client import Worker, WorkerError, say
from benchmarks.corpus import Corpus
from benchmarks.engines import OURS
from benchmarks.machine import machine, versions
from benchmarks.paths import WORK
from benchmarks.results import path
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
    found: dict[str, Any] = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "settings": {"texts": count, "seed": seed, "max_tokens": documents.MAX_TOKENS},
        "machine": machine(),
        "versions": versions(),
        "weights_mb": shapes.weights_mb(shapes.REAL),
        "corpus": corpus.statistics(),
        "points": [],
    }
    WORK.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="run-", dir=WORK) as folder:
        try:
            stream(corpus, count, found, Path(folder))
        except WorkerError as error:
            raise SystemExit(f"the stream failed: {error}") from error
    found["summary"] = summarize(found)
    path(f"{name}-stream").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    path(f"{name}-stream", ".md").write_text(markdown(found), encoding="utf-8")
    print(markdown(found))


def stream(corpus: Corpus, count: int, found: dict[str, Any], folder: Path) -> None:
    """``count`` texts from a generator through ``embed``: the corpus again and again, each pass in another order.

    Raises:
        WorkerError: the engine failed.

    """
    order: list[int] = []
    for passing in range(-(-count // len(corpus))):
        indices = list(range(len(corpus)))
        random.Random(passing).shuffle(indices)
        order += indices
    del order[count:]
    seen = [0]
    for index in order:
        seen.append(seen[-1] + corpus.tokens[index])

    points: list[dict[str, Any]] = found["points"]
    last = {"texts": 0, "seconds": 0.0}

    def note(point: dict[str, Any]) -> None:
        nonlocal last
        seconds = point["seconds"] - last["seconds"]
        tokens = seen[point["texts"]] - seen[last["texts"]]
        points.append(
            {
                "texts": point["texts"],
                "texts_per_s": (point["texts"] - last["texts"]) / seconds,
                "tokens_per_s": tokens / seconds,
                "rss_mb": point["rss_bytes"] / 1e6,
            }
        )
        last = point
        say(f"  {point['texts']} texts: {points[-1]['texts_per_s']:.1f} texts/s, {points[-1]['rss_mb']:.0f} MB")

    files = {"texts": folder / "texts.json", "order": folder / "order.json"}
    files["texts"].write_text(json.dumps(corpus.texts), encoding="utf-8")
    files["order"].write_text(json.dumps(order), encoding="utf-8")
    with Worker(OURS, export.folder(shapes.REAL, "weights")) as worker:
        arguments = {name: str(path) for name, path in files.items()}
        answer = worker.ask("stream", on_progress=note, every=min(_STEP, max(1, count // 12)), **arguments)
    found["seconds"] = answer["seconds"]
    found["peak_mb"] = answer["peak_bytes"] / 1e6


def summarize(found: dict[str, Any]) -> dict[str, Any]:
    """Slopes over the stream once it is warm."""
    points = found["points"][_WARM_UP:]
    if len(points) < 3:
        return {}
    at = [point["texts"] / 10_000 for point in points]
    memory = [point["rss_mb"] for point in points]
    rate = [point["tokens_per_s"] for point in points]
    return {
        "memory_mb_per_10k_texts": linear_regression(at, memory).slope,
        "memory_spread_mb": max(memory) - min(memory),
        "rate_percent_per_10k_texts": 100 * linear_regression(at, rate).slope / (sum(rate) / len(rate)),
        "rate_spread_percent": 100 * (max(rate) - min(rate)) / median(rate),
    }


def markdown(found: dict[str, Any]) -> str:
    """The report of a streaming run."""
    summary = summarize(found)
    table: Table = [["texts so far", "texts/s", "tokens/s", "memory, MB"]]
    for point in found["points"]:
        row = [f"{point['texts']:,}", number(point["texts_per_s"], 1), number(point["tokens_per_s"], 0)]
        table.append([*row, number(point["rss_mb"], 0)])
    parts = ["# rapidembed on a stream"]
    if found["points"]:
        texts, seconds = found["points"][-1]["texts"], found.get("seconds")
        rate = f" in {seconds:.0f} s, {texts / seconds:.1f} texts/s" if seconds else ""
        peak = f", highest memory {found['peak_mb']:.0f} MB (weights: {found['weights_mb']:.0f} MB)" if seconds else ""
        parts.append(
            f"{texts:,} texts from a generator through `embed`{rate}{peak}. {found['date']}, "
            f"{found['machine']['cores']} cores, all-MiniLM-L6-v2, texts cut at 512 tokens."
        )
    if summary:
        parts.append(
            f"Once warm: memory {summary['memory_mb_per_10k_texts']:+.2f} MB per 10,000 texts (all within "
            f"{summary['memory_spread_mb']:.1f} MB), rate {summary['rate_percent_per_10k_texts']:+.2f} % of tokens/s "
            f"per 10,000 texts (all within {summary['rate_spread_percent']:.1f} %). The slopes are straight lines "
            f"through every row below but the first {_WARM_UP}."
        )
    parts += [
        render(table),
        f"Each row is the stretch since the row before, from window to window. The {found['corpus']['texts']:,} ",
    ]
    parts[-1] += "different texts come again and again, each time in another order; nothing is cached between passes."
    parts += ["## Machine and versions", describe_machine(found)]
    return "\n\n".join(part for part in parts if part) + "\n"
