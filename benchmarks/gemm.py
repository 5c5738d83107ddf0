"""The machine's best fp32 matrix product, in a process of its own: ``python -m benchmarks.gemm H I`` prints JSON.

It is the roof that every engine's share is measured against, so it tries hard: every library that is installed, a
large square and the model's own shapes, all cores in one product and one product per core at the same time.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.client import say, without_paths
from benchmarks.paths import ROOT

_WINDOWS, _WINDOW_SECONDS = 4, 0.1

Run = Callable[[], Any]


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def best_gemm(config: dict[str, Any]) -> dict[str, Any] | None:
    """The fastest of everything tried with a model's shapes: ``gflops`` and what ``reached`` it; None if that fails."""
    sizes = [str(config[name]) for name in ("hidden_size", "intermediate_size")]
    command = [sys.executable, "-m", "benchmarks.gemm", *sizes]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        say(f"no best matrix product: {without_paths((done.stderr.strip().splitlines() or ['no message'])[-1])}")
        return None
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    say(f"best matrix product {answer['gflops']:.0f} GFLOP/s")
    return answer


def measure(hidden: int, inner: int) -> dict[str, Any]:
    shapes = (2048, 2048, 2048), (1024, hidden, hidden), (1024, hidden, inner), (1024, inner, hidden)
    tried = []
    for library, prepare in (("onnxruntime", _onnxruntime), ("torch", _torch), ("numpy", _numpy)):
        for shape in shapes:
            try:
                ways = prepare(*shape)
            except ImportError:
                continue
            flops = 2.0 * shape[0] * shape[1] * shape[2]
            for way, (run, copies) in ways.items():
                label = f"{library}, {' x '.join(map(str, shape))}, {way}"
                tried.append((_best_rate(run, copies) * flops / 1e9, label))
    gflops, reached = max(tried)
    return {"gflops": gflops, "reached": reached}


def _best_rate(run: Run, copies: int) -> float:
    """Products per second, all ``copies`` together, in the best of some short windows."""
    run()
    start = time.perf_counter()
    run()
    repeats = max(1, int(_WINDOW_SECONDS / (time.perf_counter() - start)))

    def burst(_: int) -> None:
        for _ in range(repeats):
            run()

    best = 0.0
    with ThreadPoolExecutor(copies) as pool:
        for _ in range(_WINDOWS):
            start = time.perf_counter()
            list(pool.map(burst, range(copies)))
            best = max(best, copies * repeats / (time.perf_counter() - start))
    return best


def _operands(m: int, k: int, n: int) -> tuple[Any, Any]:
    import numpy as np

    random = np.random.default_rng(0)
    return random.standard_normal((m, k), np.float32), random.standard_normal((k, n), np.float32)


def _onnxruntime(m: int, k: int, n: int) -> dict[str, tuple[Run, int]]:
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    left, right = _operands(m, k, n)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["left", "right"], ["product"])],
        "gemm",
        [helper.make_tensor_value_info("left", TensorProto.FLOAT, [m, k])],
        [helper.make_tensor_value_info("product", TensorProto.FLOAT, [m, n])],
        [numpy_helper.from_array(right, "right")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()

    def session(threads: int) -> Run:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        opened = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        return lambda: opened.run(None, {"left": left})

    ways = {"one product per core": (session(1), cores())}
    if cores() > 1:
        ways["all cores in one product"] = (session(cores()), 1)
    return ways


def _torch(m: int, k: int, n: int) -> dict[str, tuple[Run, int]]:
    import torch

    left, right = (torch.from_numpy(array) for array in _operands(m, k, n))
    product = torch.empty(m, n)
    return {"all cores in one product": (lambda: torch.mm(left, right, out=product), 1)}


def _numpy(m: int, k: int, n: int) -> dict[str, tuple[Run, int]]:
    import numpy as np

    left, right = _operands(m, k, n)
    product = np.empty((m, n), np.float32)
    return {"all cores in one product": (lambda: np.matmul(left, right, out=product), 1)}


if __name__ == "__main__":
    print(json.dumps(measure(*map(int, sys.argv[1:]))))
