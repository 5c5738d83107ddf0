"""Where a lone query spends its time: ``python -m benchmarks.query``, all-MiniLM-L6-v2, all cores.

Queries come in short bursts, as in ``python -m benchmarks``. Parts are timed inside of the same calls: the tokenizer,
ONNX Runtime, and what remains, which is Python.
"""

import time
from collections import defaultdict
from collections.abc import Callable
from statistics import median
from typing import Any

from rapidembed import TextEmbedding
from rapidembed.types import Precision

from benchmarks import shapes
from benchmarks.tables import render

_PRECISIONS: tuple[Precision, ...] = ("fp32", "int8")
_WORDS = (1, 10, 100)
_BURSTS, _BURST, _WARM_UP = 40, 13, 3
_SETTLE = 0.02
"""Seconds between bursts."""
_PARTS = ("all", "tokenizer", "ONNX Runtime")


class Stopwatch:
    """Adds up what calls take, by part."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    def timed(self, part: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **options: Any) -> Any:
            start = time.perf_counter()
            result = work(*args, **options)
            self.seconds[part] += time.perf_counter() - start
            return result

        return run


def query(precision: Precision, words: int) -> list[str]:
    """A row of the table."""
    text, runs = " ".join(["word"] * words), []
    with TextEmbedding(shapes.source(shapes.REAL), precision=precision) as model:
        model.encode(text)
        engine: Any = model._loaded().engine
        watch, session = Stopwatch(), engine._sessions.wide._session
        session.run = watch.timed("ONNX Runtime", session.run)
        engine.tokenizer.encode = watch.timed("tokenizer", engine.tokenizer.encode)
        encode = watch.timed("all", model.encode)
        for _ in range(_BURSTS):
            time.sleep(_SETTLE)
            for number in range(_BURST):
                watch.seconds.clear()
                encode(text)
                if number >= _WARM_UP:
                    runs.append(dict(watch.seconds))
    whole, *parts = (1000 * median(run[part] for run in runs) for part in _PARTS)
    return [precision, str(words), *(f"{value:.2f}" for value in (whole, *parts, whole - sum(parts)))]


def main() -> None:
    table = [["", "tokens", "a query, ms", "tokenizer", "ONNX Runtime", "Python"]]
    print(render(table + [query(precision, words) for precision in _PRECISIONS for words in _WORDS]))


if __name__ == "__main__":
    main()
