"""The machine's best matrix products, in a process of their own: ``python -m benchmarks.gemm H I`` prints JSON.

The one in fp32 is the roof that every engine's share is measured against, so it tries hard: every library that is
installed, a large square and the model's own shapes, all cores in one product and one product per core at once.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.client import say, without_paths
from benchmarks.paths import ROOT

_WINDOWS, _WINDOW_SECONDS = 4, 0.1

_TOGETHER = "all cores in one product"

Run = Callable[[], Any]
Ways = dict[str, tuple[Run, int]]
"""Ways to compute a product: the work, and how many copies of it keep all cores busy."""


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def best_gemm(config: dict[str, Any]) -> dict[str, Any] | None:
    """The fastest of everything tried with a model's shapes, ``gflops`` and what ``reached`` it; None if that fails.

    The same of products of 8-bit integers is under ``integer``, in billions of operations, and of bfloat16 under
    ``half``, where rapidembed-native is installed: loops on registers, which no product can beat, are its.
    """
    sizes = [str(config[name]) for name in ("hidden_size", "intermediate_size")]
    command = [sys.executable, "-m", "benchmarks.gemm", *sizes]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        say(f"no best matrix product: {without_paths((done.stderr.strip().splitlines() or ['no message'])[-1])}")
        return None
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    others = [f", of {kind} {answer[kind]['gops']:.0f} GOP/s" for kind in ("integer", "half") if kind in answer]
    say(f"best matrix product {answer['gflops']:.0f} GFLOP/s{''.join(others)}")
    return answer


def measure(hidden: int, inner: int) -> dict[str, Any]:
    shapes = (2048, 2048, 2048), (1024, hidden, hidden), (1024, hidden, inner), (1024, inner, hidden)
    gflops, reached = _best(_FLOAT, shapes)
    roofs = {"integer": [_best(_INTEGER, shapes), *_registers("INT8")], "half": _registers("BF16")}
    best = {kind: max(tried) for kind, tried in roofs.items() if tried}
    others = {kind: {"gops": gops, "reached": how} for kind, (gops, how) in best.items()}
    return {"gflops": gflops, "reached": reached, **others}


def _registers(precision: str) -> list[tuple[float, str]]:
    """What the cores do at once in loops whose operands are in registers, as :func:`_best` gives it; [] if unknown."""
    try:
        from rapidembed_native import Precision, best_isa, roof
    except ImportError:
        return []
    with ThreadPoolExecutor(cores()) as pool:
        rates = list(pool.map(lambda _: roof(best_isa(), Precision[precision]), range(cores())))
    return [(sum(rates), "in registers")] if all(rates) else []


def _best(libraries: dict[str, Callable[..., Ways]], shapes: Sequence[tuple[int, int, int]]) -> tuple[float, str]:
    """Billions of operations a second, and how they were reached."""
    tried = []
    for library, prepare in libraries.items():
        for shape in shapes:
            try:
                ways = prepare(*shape)
            except ImportError:
                continue
            operations = 2.0 * shape[0] * shape[1] * shape[2]
            for way, (run, copies) in ways.items():
                label = f"{library}, {' x '.join(map(str, shape))}, {way}"
                tried.append((_best_rate(run, copies) * operations / 1e9, label))
    return max(tried)


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


def _onnxruntime(m: int, k: int, n: int) -> Ways:
    return _sessions("MatMul", *_operands(m, k, n))


def _onnxruntime_int8(m: int, k: int, n: int) -> Ways:
    import numpy as np

    random = np.random.default_rng(0)
    left, right = random.integers(0, 256, (m, k), np.uint8), random.integers(-127, 128, (k, n), np.int8)
    return _sessions("MatMulInteger", left, right)


def _sessions(operator: str, left: Any, right: Any) -> Ways:
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    kinds = {"MatMul": (TensorProto.FLOAT, TensorProto.FLOAT), "MatMulInteger": (TensorProto.UINT8, TensorProto.INT32)}
    given, made = kinds[operator]
    graph = helper.make_graph(
        [helper.make_node(operator, ["left", "right"], ["product"])],
        "gemm",
        [helper.make_tensor_value_info("left", given, left.shape)],
        [helper.make_tensor_value_info("product", made, [left.shape[0], right.shape[1]])],
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
        ways[_TOGETHER] = (session(cores()), 1)
    return ways


def _torch(m: int, k: int, n: int) -> Ways:
    import torch

    left, right = (torch.from_numpy(array) for array in _operands(m, k, n))
    product = torch.empty(m, n)
    return {_TOGETHER: (lambda: torch.mm(left, right, out=product), 1)}


def _numpy(m: int, k: int, n: int) -> Ways:
    import numpy as np

    left, right = _operands(m, k, n)
    product = np.empty((m, n), np.float32)
    return {_TOGETHER: (lambda: np.matmul(left, right, out=product), 1)}


_FLOAT: dict[str, Callable[..., Ways]] = {"onnxruntime": _onnxruntime, "torch": _torch, "numpy": _numpy}
_INTEGER: dict[str, Callable[..., Ways]] = {"onnxruntime": _onnxruntime_int8}
"""What is tried, uint8 x int8 here. A faster product is one more row: a function of m, k and n that gives work of
2 m k n operations."""


if __name__ == "__main__":
    print(json.dumps(measure(*map(int, sys.argv[1:]))))
