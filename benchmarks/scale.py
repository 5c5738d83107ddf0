"""Texts a second of one worker that has one core: ``python -m benchmarks.scale`` (three minutes).

Rates are by CPU time, which others on the machine change little; docs/scale.md calculates with them. Options take
turns, text by text the same, and each counts from when it is warm.
"""

import time
from functools import partial
from statistics import median
from typing import Any

from benchmarks import corpus
from benchmarks.billion import write
from benchmarks.engines import FASTER
from benchmarks.machine import heading
from benchmarks.paths import MINILM, model_folder
from benchmarks.results import NAME, record
from benchmarks.turns import turns

WORKERS: dict[str, dict[str, Any]] = {
    "all-MiniLM-L6-v2": {"model_name": MINILM},
    "all-MiniLM-L6-v2, int8": {"model_name": MINILM, **FASTER["rapidembed-int8"]},
    "all-MiniLM-L6-v2, int8, native": {"model_name": MINILM, **FASTER["rapidembed-native-int8"]},
    "builtin:static-en": {"model_name": "builtin:static-en"},
}
_ROUNDS, _TEXTS, _SECONDS = 5, 400, 5.0


def rates(texts: list[str]) -> dict[str, dict[str, Any]]:
    """For each kind of worker its texts a second, by CPU and by wall time, and its dimensions."""
    from rapidembed import TextEmbedding

    def run(model: Any) -> tuple[float, float]:
        done, cpu, wall = 0, time.process_time(), time.perf_counter()
        while time.process_time() - cpu < _SECONDS:
            done += len(model.encode_document(texts))
        return done / (time.process_time() - cpu), done / (time.perf_counter() - wall)

    models = {name: TextEmbedding(threads=1, **options) for name, options in WORKERS.items()}
    found = {}
    for name, runs in turns({name: partial(run, model) for name, model in models.items()}, _ROUNDS).items():
        by_cpu, by_wall = (median(rates) for rates in zip(*runs, strict=True))
        found[name] = {"texts_per_cpu_s": by_cpu, "texts_per_s": by_wall, "dimensions": models[name].embedding_size}
    return found


def main() -> None:
    texts = corpus.load(model_folder(), _TEXTS, seed=0)
    found = heading() | {"corpus": texts.statistics(), "workers": rates(texts.texts)}
    record(f"{NAME}-scale", found)
    write()


if __name__ == "__main__":
    main()
