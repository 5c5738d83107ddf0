"""The machine's best matrix products, in a process of their own: ``python -m benchmarks.gemm H I`` prints JSON.

The one in fp32 is the roof that every engine's share is measured against, so it tries hard: every library that is
installed, a large square and the model's own shapes, all cores in one product and one product per core at once.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from benchmarks.client import WorkerError, ask_module, say
from benchmarks.machine import cores

_WINDOWS, _WINDOW_SECONDS = 4, 0.1
_TOGETHER, _APART = "all cores in one product", "one product per core"

Run = Callable[[], Any]
Products = Iterator[tuple[str, str, Run, int]]
"""Who computes a product, and how; the work, and how many copies of it keep all cores busy."""


def best_gemm(config: dict[str, Any]) -> dict[str, Any] | None:
    """The fastest of everything tried with a model's shapes, ``gflops`` and what ``reached`` it; None if that fails.

    The same of products of 8-bit integers is under ``integer``, in billions of operations, and of bfloat16 under
    ``half``, where rapidembed-native is installed: loops on registers, which no product can beat, are its.
    """
    try:
        answer: dict[str, Any] = ask_module("gemm", config["hidden_size"], config["intermediate_size"])
    except WorkerError as error:
        say(f"no best matrix product: {error}")
        return None
    others = [f", of {kind} {answer[kind]['gops']:.0f} GOP/s" for kind in ("integer", "half") if kind in answer]
    say(f"best matrix product {answer['gflops']:.0f} GFLOP/s{''.join(others)}")
    return answer


def measure(hidden: int, inner: int) -> dict[str, Any]:
    shapes = (2048, 2048, 2048), (1024, hidden, hidden), (1024, hidden, inner), (1024, inner, hidden)
    tried: dict[str, list[tuple[float, str]]] = {"float": [], "integer": _registers("INT8"), "half": _registers("BF16")}
    for m, k, n in shapes:
        for kind, products in (("float", _floats(m, k, n)), ("integer", _integers(m, k, n))):
            for library, how, run, copies in products:
                rate = 2.0 * m * k * n * _best_rate(run, copies) / 1e9
                tried[kind].append((rate, f"{library}, {m} x {k} x {n}, {how}"))
    gflops, reached = max(tried.pop("float"))
    best = {kind: max(rates) for kind, rates in tried.items() if rates}
    others = {kind: {"gops": gops, "reached": how} for kind, (gops, how) in best.items()}
    return {"gflops": gflops, "reached": reached, **others}


def _registers(precision: str) -> list[tuple[float, str]]:
    """What the cores do at once in loops whose operands are in registers; [] if unknown."""
    try:
        from rapidembed_native import Precision, best_isa, roof
    except ImportError:
        return []
    with ThreadPoolExecutor(cores()) as pool:
        rates = list(pool.map(lambda _: roof(best_isa(), Precision[precision]), range(cores())))
    return [(sum(rates), "in registers")] if all(rates) else []


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


def _floats(m: int, k: int, n: int) -> Products:
    """A faster product is one more line: work of 2 m k n operations."""
    random = np.random.default_rng(0)
    left, right = random.standard_normal((m, k), np.float32), random.standard_normal((k, n), np.float32)
    product = np.empty((m, n), np.float32)
    yield from _sessions("MatMul", left, right)
    yield "numpy", _TOGETHER, lambda: np.matmul(left, right, out=product), 1
    try:
        import torch
    except ImportError:
        return
    ours, theirs, made = map(torch.from_numpy, (left, right, product))
    yield "torch", _TOGETHER, lambda: torch.mm(ours, theirs, out=made), 1


def _integers(m: int, k: int, n: int) -> Products:
    random = np.random.default_rng(0)
    left, right = random.integers(0, 256, (m, k), np.uint8), random.integers(-127, 128, (k, n), np.int8)
    yield from _sessions("MatMulInteger", left, right)


def _sessions(operator: str, left: Any, right: Any) -> Products:
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    product = TensorProto.FLOAT if left.dtype == np.float32 else TensorProto.INT32
    graph = helper.make_graph(
        [helper.make_node(operator, ["left", "right"], ["product"])],
        "gemm",
        [helper.make_tensor_value_info("left", helper.np_dtype_to_tensor_dtype(left.dtype), left.shape)],
        [helper.make_tensor_value_info("product", product, [left.shape[0], right.shape[1]])],
        [numpy_helper.from_array(right, "right")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    for way, threads, copies in ((_APART, 1, cores()), (_TOGETHER, cores(), 1))[: min(2, cores())]:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        opened = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        yield "onnxruntime", way, lambda opened=opened: opened.run(None, {"left": left}), copies


if __name__ == "__main__":
    print(json.dumps(measure(*map(int, sys.argv[1:]))))
