"""Many texts: engines stay loaded and take turns with every batch size, round after round, so that pairs compare."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import shapes
from benchmarks.client import WorkerError, say
from benchmarks.contest import Contest
from benchmarks.corpus import Corpus
from benchmarks.engines import ENGINES, OURS, REFERENCE
from benchmarks.machine import available_memory
from benchmarks.summary import DISTURBED, Variant, arithmetic, best
from benchmarks.workloads import UNIFORM, Load, is_main

_HOPELESS = 2.0
"""No larger batch size is tried after one beyond the best that takes this many times the best one's time."""
_CLOSE = 1.15
"""Sizes this near to the best stay in the race."""
_BIG = 256
"""A batch of so many takes gigabytes, which ONNX Runtime does not give back: it gets a process of its own."""
_MOST_WORK = {True: 40e12, False: 10e12}
"""Floating point operations that a padded batch may take, of texts of mixed length and of one length."""


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts, and the file that workers read them from."""

    corpus: Corpus
    file: str


def race(contest: Contest, load: Load, rounds: int, repeats: int) -> None:
    """Fill the entry of a bulk contest; a disturbed measurement is repeated so many times at most."""
    kinds = ("runs", "computes", "cosine", "difference")
    contest.entry |= {"corpus": load.texts.statistics(), **{kind: {} for kind in kinds}}
    _Race(contest, load, repeats).run(rounds)


class _Race:
    def __init__(self, contest: Contest, load: Load, repeats: int) -> None:
        self._contest, self._repeats, self._sizes = contest, repeats, load.sizes
        self._shape = contest.team.shape
        self._head = shapes.SHAPES[self._shape].head
        self._main = is_main(self._shape, contest.workload)
        self._all = Texts(load.texts, contest.write("all", load.texts.texts))
        self._share = Texts(load.share, contest.write("share", load.share.texts))
        self._vectors: dict[str, Path] = {}
        self._runs: dict[str, Any] = contest.entry["runs"]
        self._out: set[str] = set()

    def run(self, rounds: int) -> None:
        for number in range(rounds):
            say(f"round {number + 1} of {rounds}")
            for name in self._contest.team.engines:
                for variant in self._turns(name, number):
                    self._turn(variant, number)
        if self._main or self._head:
            self._measure_memory()
        reference = Variant(OURS if self._head else REFERENCE, None).key
        if reference in self._runs:
            self._compare(reference)
        else:
            say(f"results are not compared: {reference} did not run")

    def _turns(self, name: str, number: int) -> Iterator[Variant]:
        """What an engine does in a round: all batch sizes in the first, then its default and those near the best."""
        default = Variant(name, None)
        if not (number and _padded(default) and not self._main):
            yield default
        known = [Variant(name, size) for size in (None, *self._sizes)]
        least, at = min((self._seconds(variant), variant.size) for variant in known)
        for variant in known[1:] if ENGINES[name].sweeps else ():
            if variant.size == default.size or (number and self._seconds(variant) > _CLOSE * least):
                continue
            yield variant
            if not number:
                least, at = min((least, at), (self._seconds(variant), variant.size))
                if variant.size > at and self._seconds(variant) > _HOPELESS * least:
                    return

    def _seconds(self, variant: Variant) -> float:
        """Of all texts, the median so far."""
        run = self._runs.get(variant.key)
        if run is None or variant.key in self._out:
            return float("inf")
        return median(s for s in run["seconds"] if s is not None) * sum(self._all.corpus.tokens) / run["tokens"]

    def _turn(self, variant: Variant, number: int) -> None:
        if variant.key in self._out:
            return
        texts = self._share if _padded(variant) else self._all
        what = f"{self._contest.workload}, {variant.key}"
        answer = self._contest.attempt(what, lambda: self._answer(variant, texts))
        if answer is None:
            self._out.add(variant.key)
            return
        tokens = texts.corpus.tokens
        facts = {"texts": len(tokens), "tokens": sum(tokens), "gflop": shapes.work(self._shape, tokens) / 1e9}
        run = self._runs.setdefault(variant.key, facts | {"seconds": [], "others": 0.0, "peak_mb": None})
        run["seconds"] += [None] * (number - len(run["seconds"])) + [answer["seconds"]]
        run["others"] = max(run["others"], answer["others"] or 0.0)
        if "peak_mb" in answer:
            run["peak_mb"] = max(run["peak_mb"] or 0.0, answer["peak_mb"])
        rate = len(tokens) / answer["seconds"]
        say(f"  {variant.key:26} {rate:8.1f} texts/s  {rate * run['tokens'] / run['texts']:8.0f} tokens/s")

    def _answer(self, variant: Variant, texts: Texts) -> dict[str, Any]:
        keep = None
        if variant.key not in self._vectors:
            self._vectors[variant.key] = self._contest.folder / f"{variant.key}.npy"
            keep = str(self._vectors[variant.key])
        if variant.size >= _BIG and ENGINES[variant.engine].sweeps:
            self._refuse_too_much(texts.corpus, _padded(variant))
            return self._alone(variant, texts, keep)
        worker = self._contest.team.worker(variant.engine)
        if worker.computes is not None:
            self._contest.entry["computes"][variant.engine] = worker.computes
        return self._calm(partial(self._contest.team.ask, variant.engine), variant, texts, keep)

    def _alone(self, variant: Variant, texts: Texts, keep: str | None = None) -> dict[str, Any]:
        """In a fresh process, whose peak memory is the variant's."""
        with self._contest.team.start(variant.engine) as worker:
            answer = self._calm(worker.ask, variant, texts, keep)
        return answer | {"peak_mb": answer["peak_bytes"] / 1e6}

    def _calm(self, ask: Callable[..., Any], variant: Variant, texts: Texts, keep: str | None) -> dict[str, Any]:
        """An answer, asked for again (for every engine alike) if other processes took too much of the machine."""
        call = "questions" if self._contest.workload == "questions" else "embed"
        request = {"texts": texts.file, "batch_size": variant.batch_size, "call": call, "save": keep}
        best: dict[str, Any] = ask("bulk", **request)
        for _ in range(self._repeats):
            if best["others"] is None or best["others"] <= DISTURBED:
                break
            say(f"  disturbed: others took {100 * best['others']:.0f} % of the machine; once more")
            best = min(best, ask("bulk", **request), key=lambda answer: answer["others"])
        return best

    def _refuse_too_much(self, corpus: Corpus, padded: bool) -> None:
        longest, many = max(corpus.tokens), min(_BIG, len(corpus))
        needs, free = shapes.padded_bytes(self._shape, many, longest), available_memory()
        if free is not None and free < needs:
            raise WorkerError(f"not run: it needs about {needs / 1e9:.0f} GB of memory, {free / 1e9:.0f} GB are free")
        work = many * shapes.work(self._shape, [longest])
        if padded and work > _MOST_WORK[self._contest.workload not in UNIFORM]:
            raise WorkerError(f"not run: a batch of {many} x {longest} tokens takes {work / 1e12:.0f} TFLOP")

    def _measure_memory(self) -> None:
        """Peak memory of each engine at its default and at its best, in fresh processes."""
        say("memory, in fresh processes")
        for name in dict.fromkeys(Variant.of(key).engine for key in self._runs):
            for variant in dict.fromkeys([Variant(name, None), Variant.of(best(self._runs, name))]):
                run = self._runs.get(variant.key)
                if run is not None and run["peak_mb"] is None:
                    work = partial(self._alone, variant, self._all)
                    answer = self._contest.attempt(f"memory of {variant.key}", work)
                    run["peak_mb"] = answer and answer["peak_mb"]

    def _compare(self, reference: str) -> None:
        """Cosine of every variant's vectors to the reference's, text by text; of digests the largest difference.

        Of random weights only where both compute in float32: what less precision costs on those means nothing.
        """
        entry = self._contest.entry
        rows = {text: row for row, text in enumerate(self._all.corpus.texts)}
        expected = np.load(self._vectors[reference])
        for key in self._runs:
            if entry["model"]["random"] and arithmetic(entry, Variant.of(key).engine) != "f32":
                continue
            found = np.load(self._vectors[key])
            if self._head:
                entry["difference"][key] = float(np.abs((found - expected) / np.maximum(1, np.abs(expected))).max())
                continue
            texts = self._share if self._runs[key]["texts"] != len(self._all.corpus) else self._all
            pairs = [(row, rows[text]) for row, text in enumerate(texts.corpus.texts) if text in rows]
            if not pairs:  # a share may hold other texts
                continue
            own, other = (list(column) for column in zip(*pairs, strict=True))
            cosines = np.einsum("ij,ij->i", _unit(found)[own], _unit(expected)[other])
            # NaN must be seen: the minimum of an array that holds one is NaN.
            entry["cosine"][key] = {"mean": float(cosines.mean()), "min": float(cosines.min())}


def _padded(variant: Variant) -> bool:
    """fastembed at its default pads 256 texts to the longest, and gets one such batch."""
    return variant.engine == "fastembed" and variant.size >= _BIG


def _unit(vectors: Any) -> Any:
    wide = vectors.astype(np.float64)
    return wide / np.linalg.norm(wide, axis=1, keepdims=True)
