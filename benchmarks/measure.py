"""The stages of a run. Each engine has processes of its own, and engines take turns so that pairs are comparable."""

import json
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import corpus as texts
from benchmarks.client import Worker, WorkerError
from benchmarks.corpus import Corpus
from benchmarks.engines import BATCH_SIZES, ENGINES, OURS
from benchmarks.export import EXPORT, ensure_export
from benchmarks.gemm import best_gemm
from benchmarks.machine import available_memory
from benchmarks.paths import WORK, model_folder

QUERY_TOKENS = (1, 10, 100)
_QUERY_BURSTS, _BURST, _BURST_WARM_UP = 25, 10, 3
_COLD_RUNS = 5
_HOPELESS = 2.0
"""The sweep ends at a batch size that takes this many times the best one's time."""
_CLOSE = 1.15
"""Sizes this near to the best are timed again."""
DISTURBED = 0.05
"""Share of the machine that others may take before a measurement is repeated, and the report warns."""
_RETRIES = 2
_PADDED_NEEDS = 12e9
_SETTLE = 0.02
"""Seconds for the threads of the engine before to stop spinning."""
_STREAM_STEP = 5000
_STARTED = time.monotonic()


@dataclass(frozen=True, slots=True)
class Variant:
    """An engine with a batch size: None leaves the engine's default alone."""

    engine: str
    batch_size: int | None

    @property
    def key(self) -> str:
        return f"{self.engine}@{self.batch_size or 'default'}"

    @property
    def padded(self) -> bool:
        """fastembed at its default pads 256 texts of mixed length to the longest, and gets a share of the texts."""
        return self.engine == "fastembed" and (self.batch_size or ENGINES[self.engine].default_batch) >= 256


@dataclass
class Contest:
    """What a run measures on, and what it has found so far. ``found`` is what the JSON file will hold."""

    corpus: Corpus
    slow_indices: list[int]
    folder: Path
    engines: list[str]
    found: dict[str, Any]
    save: Callable[[], None]
    vectors: dict[str, Path] = field(default_factory=dict)
    """Vectors of each variant's first run, by its key."""

    def __post_init__(self) -> None:
        self.write("all.json", self.corpus.texts)
        self.write("share.json", self.corpus.subset(self.slow_indices).texts)

    def write(self, name: str, content: list[Any]) -> str:
        path = self.folder / name
        path.write_text(json.dumps(content), encoding="utf-8")
        return str(path)

    def corpus_of(self, variant: Variant) -> Corpus:
        return self.corpus.subset(self.slow_indices) if variant.padded else self.corpus

    def texts_of(self, variant: Variant) -> str:
        return str(self.folder / ("share.json" if variant.padded else "all.json"))

    def failed(self, what: str, error: Exception) -> None:
        say(f"  {what} failed: {error}")
        self.found["failures"].append({"what": what, "error": str(error)})


def say(line: str) -> None:
    """A progress line."""
    print(f"[{time.monotonic() - _STARTED:5.0f} s] {line}", file=sys.stderr, flush=True)


def temporary_folder() -> tempfile.TemporaryDirectory[str]:
    WORK.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(prefix="run-", dir=WORK)


def present(wanted: list[str], found: dict[str, Any]) -> list[str]:
    """Those of the engines wanted that can run here; why the others cannot is said and noted."""
    usable = []
    for name in wanted:
        engine = ENGINES[name]
        missing = engine.missing()
        reason = f"not installed: {', '.join(missing)}" if missing else None
        if reason is None and engine.needs_export:
            say("looking for the ONNX export (made once, about 10 s)")
            reason = ensure_export()
        if reason is None:
            usable.append(name)
        else:
            say(f"{engine.title} is skipped: {reason}")
            found["skipped"][name] = reason
    return usable


def flops(corpus: Corpus) -> float:
    """Floating point operations that the texts need: real tokens, each text attending to itself only."""
    config = json.loads((model_folder() / "config.json").read_text())
    layers, hidden = config["num_hidden_layers"], config["hidden_size"]
    return float(sum(s * (24 * layers * hidden * hidden + 4 * layers * hidden * s) for s in corpus.tokens))


def sweep(contest: Contest) -> None:
    """Find each peer's best batch size. All texts are used: sentence-transformers pads less the more it can sort."""
    for name in contest.engines:
        if not ENGINES[name].sweeps:
            continue
        say(f"batch sizes of {ENGINES[name].title}")
        try:
            with Worker(name, EXPORT) as worker:
                seconds, disturbed = _sweep_one(worker, contest.write("sweep.json", contest.corpus.texts))
        except WorkerError as error:
            contest.failed(f"batch sizes of {ENGINES[name].title}", error)
            continue
        rates = {str(size): len(contest.corpus) / value for size, value in seconds.items()}
        contest.found["sweep"][name] = {
            "texts_per_s": rates,
            "best": min(seconds, key=seconds.__getitem__),
            "disturbed": disturbed,
        }
        contest.save()


def _timed(worker: Worker, **arguments: Any) -> dict[str, Any]:
    """A bulk measurement, repeated (for every engine alike) if other processes took too much of the machine."""
    best: dict[str, Any] = worker.ask("bulk", **arguments)
    for _ in range(_RETRIES):
        if best["others"] is None or best["others"] <= DISTURBED:
            break
        say(f"  disturbed: others took {100 * best['others']:.0f} % of the machine; once more")
        again = worker.ask("bulk", **arguments)
        best = min(best, again, key=lambda answer: answer["others"])
    return best


def _sweep_one(worker: Worker, texts_file: str) -> tuple[dict[int, float], list[int]]:
    """Seconds by batch size, and the sizes whose measurement stayed disturbed."""
    seconds: dict[int, float] = {}
    disturbed = set()
    for size in BATCH_SIZES:
        answer = _timed(worker, texts=texts_file, batch_size=size)
        seconds[size] = answer["seconds"]
        say(f"  batch {size}: {seconds[size]:.1f} s")
        if (answer["others"] or 0.0) > DISTURBED:
            disturbed.add(size)
        if seconds[size] > (2 * _HOPELESS if size in disturbed else _HOPELESS) * min(seconds.values()):
            break
    close = [size for size in seconds if seconds[size] <= _CLOSE * min(seconds.values())]
    for size in close if len(close) > 1 else ():
        seconds[size] = min(seconds[size], _timed(worker, texts=texts_file, batch_size=size)["seconds"])
    return seconds, sorted(disturbed)


def variants(contest: Contest) -> list[Variant]:
    """Every engine at its default, and at its best batch size where that is another one."""
    chosen = []
    for name in contest.engines:
        chosen.append(Variant(name, None))
        best = contest.found["sweep"].get(name, {}).get("best")
        if best is not None and best != ENGINES[name].default_batch:
            chosen.append(Variant(name, best))
    return chosen


def throughput(contest: Contest, rounds: int) -> None:
    """All variants in turn, round after round, each time in a fresh process; the roof is measured in every round."""
    racing = variants(contest)
    for number in range(rounds):
        try:
            roof = best_gemm()
        except RuntimeError as error:
            contest.failed("best matrix product", error)
        else:
            contest.found["gemm"].append(roof)
            say(f"round {number + 1} of {rounds}: best matrix product {roof['gflops']:.0f} GFLOP/s")
        for variant in list(racing):
            try:
                run = _bulk(contest, variant)
            except WorkerError as error:
                contest.failed(f"throughput of {variant.key}", error)
                racing.remove(variant)
                continue
            contest.found["runs"].append({"round": number, "variant": variant.key, **run})
            say(
                f"  {variant.key:22} {run['texts_per_s']:7.1f} texts/s  {run['tokens_per_s']:8.0f} tokens/s"
                f"  peak {run['peak_mb']:6.0f} MB"
            )
        contest.save()


def _bulk(contest: Contest, variant: Variant) -> dict[str, Any]:
    if variant.padded and (free := available_memory()) is not None and free < _PADDED_NEEDS:
        raise WorkerError(
            f"not tried: it needs up to {_PADDED_NEEDS / 1e9:.0f} GB of memory, {free / 1e9:.0f} GB are free"
        )
    corpus, keep = contest.corpus_of(variant), None
    if variant.key not in contest.vectors:
        keep = contest.folder / f"{variant.key}.npy"
    with Worker(variant.engine, EXPORT) as worker:
        answer = _timed(worker, texts=contest.texts_of(variant), batch_size=variant.batch_size, save=keep and str(keep))
    if keep is not None:
        contest.vectors[variant.key] = keep
    seconds = answer["seconds"]
    return {
        "texts": len(corpus),
        "seconds": seconds,
        "texts_per_s": len(corpus) / seconds,
        "tokens_per_s": sum(corpus.tokens) / seconds,
        "gflops": flops(corpus) / seconds / 1e9,
        "peak_mb": answer["peak_bytes"] / 1e6,
        "others": answer["others"],
    }


def agreement(contest: Contest, reference: Variant) -> None:
    """Cosine of every variant's vectors to the reference's, text by text."""
    import numpy as np

    if reference.key not in contest.vectors:
        say("results are not compared: sentence-transformers fp32 did not run")
        return
    expected = _unit(np.load(contest.vectors[reference.key]))
    for key, path in contest.vectors.items():
        actual = _unit(np.load(path))
        on_share = len(actual) != len(expected)
        cosines = np.einsum("ij,ij->i", actual, expected[contest.slow_indices] if on_share else expected)
        # NaN must be seen: the minimum of an array that holds one is NaN.
        contest.found["cosine"][key] = {"mean": float(cosines.mean()), "min": float(cosines.min())}
    contest.save()


def _unit(vectors: Any) -> Any:
    import numpy as np

    wide = vectors.astype(np.float64)
    return wide / np.linalg.norm(wide, axis=1, keepdims=True)


def latency(contest: Contest) -> None:
    """Lone queries: engines stay loaded and take turns in short bursts; only one of them works at any time."""
    say("single queries")
    bursts: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with ExitStack() as stack:
        workers = {}
        for name in contest.engines:
            try:
                workers[name] = stack.enter_context(Worker(name, EXPORT))
            except WorkerError as error:
                contest.failed(f"single queries of {ENGINES[name].title}", error)
        for length in QUERY_TOKENS:
            batch = texts.queries(contest.corpus, model_folder(), length, _BURST)
            if not batch:
                say(f"  no text is {length} tokens long")
                continue
            for _ in range(_QUERY_BURSTS):
                for name in list(workers):
                    time.sleep(_SETTLE)
                    try:
                        seconds = workers[name].ask("query", texts=batch, warm=_BURST_WARM_UP)["seconds"]
                    except WorkerError as error:
                        contest.failed(f"single queries of {ENGINES[name].title}", error)
                        del workers[name]
                        continue
                    bursts[name][str(length)].append(1000 * median(seconds))
            shown = ", ".join(f"{name} {median(bursts[name][str(length)]):.2f}" for name in workers)
            say(f"  {length} tokens, p50 in ms: {shown}")
    contest.found["latency_ms"] = {name: dict(lengths) for name, lengths in bursts.items()}
    contest.save()


def cold_start(contest: Contest) -> None:
    """From starting a process to its first vector, as the parent's clock sees it; files are in the system's cache."""
    say("cold starts")
    starts: dict[str, list[float]] = defaultdict(list)
    alive = list(contest.engines)
    for number in range(_COLD_RUNS + 1):
        for name in list(alive):
            start = time.perf_counter()
            try:
                with Worker(name, EXPORT) as worker:
                    worker.ask("query", texts=["hello world"])
                    seconds = time.perf_counter() - start
            except WorkerError as error:
                contest.failed(f"cold start of {ENGINES[name].title}", error)
                alive.remove(name)
                continue
            if number:  # the first brings files into the cache
                starts[name].append(seconds)
    say("  " + ", ".join(f"{name} {median(values):.2f} s" for name, values in starts.items()))
    contest.found["cold_s"] = dict(starts)
    contest.save()


def stream(corpus: Corpus, count: int, found: dict[str, Any], folder: Path) -> None:
    """``count`` texts from a generator through ``embed``: the corpus again and again, each pass in another order.

    Raises:
        WorkerError: the engine failed.

    """
    import random

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
    with Worker(OURS, EXPORT) as worker:
        arguments = {name: str(path) for name, path in files.items()}
        answer = worker.ask("stream", on_progress=note, every=min(_STREAM_STEP, max(1, count // 12)), **arguments)
    found["seconds"] = answer["seconds"]
    found["peak_mb"] = answer["peak_bytes"] / 1e6
