"""Where a forward pass spends its time: ``python -m benchmarks.profile [SHAPE ...]``, one core, 4 texts of 128 tokens.

Shapes are those of ``python -m benchmarks``, which makes them first. The shares are of ONNX Runtime's profiler; the
operations are those that the tokens need.
"""

import json
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
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

_TEXTS, _TOKENS = 4, 128
_WARM_UP, _RUNS = 3, 12
_PARTS = {
    "matrix products, with their biases in float32": {"Gemm", "MatMul", "MatMulIntegerToFloat"},
    "attention (float32)": {"MultiHeadAttention"},
    "GELU": {"Gelu", "FastGelu"},
    "layer normalization": {"LayerNormalization"},
    "additions": {"Add"},
    "multiplications": {"Mul"},
    "largest of each row, and rounding": {"Abs", "Max", "ReduceMax", "QuantizeLinear", "DequantizeLinear", "Sub"},
}
_REST = "everything else"
_SPEED = "billion operations a second"


def profile(shape: str, precision: Precision) -> dict[str, float]:
    """Shares by part, in percent, and operations a second, in billions."""
    checkpoint = resolve(str(shapes.source(shape)), buildable=frozenset(MODULES))
    rounding = BACKEND.program_options(precision, checkpoint).rounding
    program = load_program(checkpoint, masked=False, rounding=rounding)
    feeds: dict[str, Any] = dict(program.tables)
    feeds["input_ids"] = np.random.default_rng(0).integers(1000, 20_000, (_TEXTS, _TOKENS))
    session = ort.InferenceSession(program.model, session_options(program, 1), disabled_optimizers=_SLOWER_FUSED)
    seconds = _seconds(session, feeds)
    options = session_options(program, 1)
    options.enable_profiling = True
    with tempfile.TemporaryDirectory() as folder:
        options.profile_file_prefix = f"{folder}/profile"
        session = ort.InferenceSession(program.model, options, disabled_optimizers=_SLOWER_FUSED)
        _seconds(session, feeds)
        events = json.loads(Path(session.end_profiling()).read_text())
    config = shapes.configuration(shape)
    return _shares(events) | {_SPEED: shapes.flops(config, [_TOKENS] * _TEXTS) / seconds / 1e9}


def _seconds(session: Any, feeds: dict[str, Any]) -> float:
    times = []
    for _ in range(_WARM_UP + _RUNS):
        start = time.perf_counter()
        session.run(None, feeds)
        times.append(time.perf_counter() - start)
    return median(times[_WARM_UP:])


def _shares(events: list[dict[str, Any]]) -> dict[str, float]:
    """Of each part, by the median of its nodes' times: the first run waits for the disk."""
    nodes: dict[tuple[str, str], list[float]] = defaultdict(list)
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            nodes[event["args"]["op_name"], event["name"]].append(event["dur"])
    parts = dict.fromkeys((*_PARTS, _REST), 0.0)
    for (operator, _), times in nodes.items():
        parts[next((part for part, operators in _PARTS.items() if operator in operators), _REST)] += median(times)
    return {part: 100 * value / sum(parts.values()) for part, value in parts.items()}


def main(names: list[str]) -> None:
    columns = [(name, precision) for name in names for precision in ("fp32", "int8")]
    found = [profile(name, precision) for name, precision in columns]  # type: ignore[arg-type]
    table = [["", *(f"{shapes.SHAPES[name].title}, {precision}" for name, precision in columns)]]
    for row in (*_PARTS, _REST, _SPEED):
        unit = "" if row == _SPEED else " %"
        table.append([row, *(f"{column[row]:.0f}{unit}" for column in found)])
    print(render(table))


if __name__ == "__main__":
    main(sys.argv[1:] or [shapes.REAL, "bge-base"])
