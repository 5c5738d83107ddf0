"""What ONNX Runtime's plan of which results share memory costs: ``python -m benchmarks.loading [SHAPE ...]``.

Sessions with it and without take turns to be loaded and to run 4 texts of 128 tokens, on one core; vectors must be the
same. Shapes are those of ``python -m benchmarks``, which makes them first.
"""

import sys
import time
from statistics import median
from typing import Any

import numpy as np
from rapidembed.graph import load_program
from rapidembed.graph.architectures import MODULES
from rapidembed.hub import resolve
from rapidembed.runtime.backends.onnxruntime import BACKEND
from rapidembed.runtime.onnx_runtime import ort
from rapidembed.runtime.session import _SLOWER_FUSED, session_options
from rapidembed.types import Precision

from benchmarks import shapes
from benchmarks.tables import render

_PRECISIONS: tuple[Precision, ...] = ("fp32", "int8")
_TEXTS, _TOKENS = 4, 128
_ROUNDS = 7


def loading(shape: str, precision: Precision) -> list[str]:
    """A row of the table."""
    checkpoint = resolve(str(shapes.source(shape)), buildable=frozenset(MODULES))
    rounding = BACKEND.program_options(precision, checkpoint).rounding
    program = load_program(checkpoint, masked=False, rounding=rounding)
    feeds: dict[str, Any] = dict(program.tables)
    feeds["input_ids"] = np.random.default_rng(0).integers(1000, 20_000, (_TEXTS, _TOKENS))
    taken: dict[tuple[bool, str], list[float]] = {}
    vectors = []
    for _ in range(_ROUNDS):
        for planned in (True, False):
            options = session_options(program, 1)
            options.enable_mem_reuse = planned
            start = time.perf_counter()
            session = ort.InferenceSession(program.model, options, disabled_optimizers=_SLOWER_FUSED)
            loaded = time.perf_counter()
            session.run(None, feeds)
            warm = time.perf_counter()
            vectors.append(session.run(None, feeds)[0])
            taken.setdefault((planned, "load"), []).append(loaded - start)
            taken.setdefault((planned, "run"), []).append(time.perf_counter() - warm)
    if any(not np.array_equal(vectors[0], other) for other in vectors):
        raise RuntimeError(f"{shape}, {precision}: the plan changes vectors")
    columns = ((planned, what) for what in ("load", "run") for planned in (True, False))
    return [shapes.SHAPES[shape].title, precision, *(f"{1000 * median(taken[column]):.0f}" for column in columns)]


def main(names: list[str]) -> None:
    table = [["", "", "load with a plan, ms", "without, ms", "run with it, ms", "without, ms"]]
    print(render(table + [loading(name, precision) for name in names for precision in _PRECISIONS]))


if __name__ == "__main__":
    main(sys.argv[1:] or [shapes.REAL, "bge-base", "modernbert-base"])
