"""How large batches should be: ``python -m benchmarks.batches [SHAPE ...]``, all cores, as ``TextEmbedding`` uses them.

First tokens a second by the size of batches, each core with its own; then calls with few texts, cut by one size of
batch and by the one of several with which the cores end together (:mod:`rapidembed.runtime.planner`), in turns; for
the real model also many texts of mixed length, by the size of the windows in which texts of one length are looked for.
Shapes are those of ``python -m benchmarks``, which makes them first.
"""

import sys
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any
from unittest import mock

import numpy as np
from rapidembed import TextEmbedding
from rapidembed.runtime import planner
from rapidembed.runtime.tokenizer import TokenIds
from rapidembed.tasks import bulk

from benchmarks import corpus, shapes
from benchmarks.tables import render

_SIZES = (64, 128, 256, 512, 1024, 2048)
_LENGTHS = (16, 32, 64, 128)
_CALLS = ((3, 100), (8, 32), (40, 32), (15, 128), (16, 128))
_TOKENS = 4096
"""That are worked through for each size of batches."""
_TEXTS = 2000
_WINDOWS = (256, 2048)
_ROUNDS = 11


def by_size(model: TextEmbedding) -> list[list[str]]:
    """Rows of a table: lengths, and thousands of tokens a second for each size."""
    engine = model._loaded().engine
    table = [["tokens of a text", *(f"{size:,}" for size in _SIZES)]]
    for length in _LENGTHS:
        runs = [_bulk(engine, length, size) for size in _SIZES]
        seconds = _in_turns(runs, max(2, _ROUNDS // 2))
        table.append([str(length), *(f"{_TOKENS / taken / 1000:.1f}" for taken in seconds)])
    return table


def _bulk(engine: Any, length: int, size: int) -> Callable[[], Any]:
    """Work through the same tokens in batches of one size, each worker with its own."""
    texts = [TokenIds(_ids(length), False)] * max(1, size // length)
    count = _TOKENS // (len(texts) * length)
    return lambda: [job.result() for job in [engine.pool.submit(engine.run, texts, length) for _ in range(count)]]


def _ids(length: int) -> list[int]:
    return np.random.default_rng(0).integers(1000, 20_000, length).tolist()


def small_calls(model: TextEmbedding) -> list[list[str]]:
    """Rows of a table: calls, and their milliseconds either way."""
    table = [["texts", "tokens of each", "always 512, ms", "done first, ms"]]
    for count, tokens in _CALLS:
        texts = [" ".join(["word"] * (tokens - 2))] * count
        before, after = _in_turns([partial(_one_size, model, texts), partial(model.encode, texts)], _ROUNDS)
        table.append([str(count), str(tokens), f"{1000 * before:.1f}", f"{1000 * after:.1f}"])
    return table


def _one_size(model: TextEmbedding, texts: list[str]) -> None:
    with mock.patch.object(planner, "_CPU_BUDGETS", planner._CPU_BUDGETS[:1]):
        model.encode(texts)


def windows(model: TextEmbedding) -> list[list[str]]:
    """Rows of a table: windows, and texts a second."""
    texts = corpus.load(shapes.source(shapes.REAL), _TEXTS, 0).texts

    def run(window: int) -> None:
        with mock.patch.object(bulk, "_GATHERED", window):
            model.encode(texts)

    seconds = _in_turns([partial(run, window) for window in _WINDOWS], _ROUNDS // 2)
    rows = [[f"{window:,}", f"{_TEXTS / taken:.0f}"] for window, taken in zip(_WINDOWS, seconds, strict=True)]
    return [["texts in a window", "texts a second"], *rows]


def _in_turns(runs: list[Callable[[], Any]], rounds: int) -> list[float]:
    """Median seconds of each, the first round not counted."""
    seconds: list[list[float]] = [[] for _ in runs]
    for _ in range(1 + rounds):
        for run, taken in zip(runs, seconds, strict=True):
            start = time.perf_counter()
            run()
            taken.append(time.perf_counter() - start)
    return [median(taken[1:]) for taken in seconds]


def main(names: list[str]) -> None:
    for name in names:
        with TextEmbedding(shapes.source(name)) as model:
            print(f"{shapes.SHAPES[name].title}, thousands of tokens a second by the tokens of a batch:\n")
            print(render(by_size(model)))
            print(f"\n{shapes.SHAPES[name].title}, calls with few texts:\n")
            print(render(small_calls(model)))
            if name == shapes.REAL:
                print(f"\n{shapes.SHAPES[name].title}, {_TEXTS:,} texts of mixed length:\n")
                print(render(windows(model)))


if __name__ == "__main__":
    main(sys.argv[1:] or [shapes.REAL])
