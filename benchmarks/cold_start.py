"""Time from starting a process to its first vector: ``python -m benchmarks.cold_start [REPORT.md]``.

Kinds of start take turns, each in a process of its own. Files are in the page cache: what a disk adds depends on it.
"""

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median

from benchmarks.client import environment
from benchmarks.machine import machine, versions
from benchmarks.paths import MINILM
from benchmarks.results import publish
from benchmarks.turns import turns

_ROUNDS = 15
_VECTOR = f"from rapidembed import TextEmbedding; TextEmbedding({MINILM!r}).encode('hello world')"


def seconds(cache: Path, *arguments: str, **variables: str) -> tuple[float, float]:
    """Wall and CPU time of a Python process whose graph cache is ``cache``."""
    started, busy = time.perf_counter(), _children()
    variables["RAPIDEMBED_CACHE_DIR"] = str(cache)
    subprocess.run([sys.executable, *arguments], env=environment(**variables), check=True, capture_output=True)
    return time.perf_counter() - started, _children() - busy


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def starts(folder: Path) -> dict[str, Callable[[], tuple[float, float]]]:
    warm, blocked, numbers = folder / "warm", folder / "file" / "below", count()
    blocked.parent.write_text("a file is no folder: nothing can be written below it")
    command = ("-m", "rapidembed", "embed", "--model", MINILM, "--text", "hello world")
    imports = "import numpy, onnxruntime, tokenizers"
    found, built = (
        "first vector, graph in the cache",
        "first vector, cache that cannot be written: built at every start",
    )
    empty = "first vector, empty cache: the graph is built and kept"
    return {
        "Python alone": partial(seconds, warm, "-c", "pass"),
        "+ importing numpy, onnxruntime, tokenizers": partial(seconds, warm, "-c", imports),
        found: partial(seconds, warm, "-c", _VECTOR),
        empty: lambda: seconds(folder / str(next(numbers)), "-c", _VECTOR),
        built: partial(seconds, blocked, "-c", _VECTOR),
        "`rapidembed embed --text`, graph in the cache": partial(seconds, warm, *command),
        f"{found}, with `OPENBLAS_NUM_THREADS=1`": partial(seconds, warm, "-c", _VECTOR, OPENBLAS_NUM_THREADS="1"),
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        kinds = turns(starts(Path(folder)), _ROUNDS)
    facts, packages = machine(), versions()
    table = [["from the start of the process to its end", "median", "fastest", "CPU time, median"]]
    for kind, runs in kinds.items():
        wall, cpu = zip(*runs, strict=True)
        table.append([kind, *(f"{value:.2f} s" for value in (median(wall), min(wall), median(cpu)))])
    publish(
        "Cold start",
        f"all-MiniLM-L6-v2 (91 MB), {facts['cores']} cores of {facts['cpu']}, Python {facts['python']}, onnxruntime "
        f"{packages['onnxruntime']}, load average {facts['load_average_at_start']} at the start; {_ROUNDS} processes "
        "of each kind in turn, files in the page cache; written by `python -m benchmarks.cold_start`.",
        table,
    )


if __name__ == "__main__":
    main()
