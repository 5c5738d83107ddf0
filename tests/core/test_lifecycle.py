"""Sharing, closing, copying, threads, processes, cancellation."""

import asyncio
import copy
import gc
import multiprocessing
import os
import pickle
import shutil
import subprocess
import sys
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from rapidembed import ClosedError, IntegrityError, TextEmbedding
from rapidembed.runtime import sessions as sessions_module
from rapidembed.runtime import workers
from rapidembed.runtime.onnx_engine import OnnxEngine
from rapidembed.runtime.session import OnnxSession
from safetensors.numpy import load_file, save_file

from tests.fakes.engines import engines
from tests.fakes.turns import turns

TINY = Path(__file__).parents[1] / "golden" / "base"
TEXTS = [f"text number {i} " * (1 + i % 7) for i in range(60)]


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Threads of every session that is created during the test."""
    created: list[int] = []
    create = OnnxSession.__init__

    def record(self: OnnxSession, program: object, providers: object, threads: int) -> None:
        created.append(threads)
        create(self, program, providers, threads)

    monkeypatch.setattr(OnnxSession, "__init__", record)
    return created


@pytest.fixture
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool of two threads, whatever machine runs the tests."""
    monkeypatch.setattr(workers, "_pool", workers.ComputePool(2))


def test_facades_share_an_engine_and_free_it_with_the_last(minilm: str) -> None:
    before = engines().keys()
    first, second = TextEmbedding(minilm), TextEmbedding(minilm, dimensions=64)
    assert len(engines().keys() - before) == 1
    engine = weakref.ref(first._loaded().engine)
    first.close()
    assert second.encode("x").shape == (64,)
    del second
    assert engines().keys() == before
    assert engine() is None


def test_other_options_mean_another_engine(minilm: str) -> None:
    before = engines().keys()
    with TextEmbedding(minilm), TextEmbedding(minilm, threads=1):
        assert len(engines().keys() - before) == 2
    assert engines().keys() == before


def test_use_after_close(minilm: str) -> None:
    model = TextEmbedding(minilm)
    model.close()
    model.close()
    for use in (
        lambda: model.encode("x"),
        lambda: model.embed(["x"]),
        lambda: model.info,
        lambda: model.token_count("x"),
    ):
        with pytest.raises(ClosedError, match="was closed"):
            use()
    assert "closed" in repr(model)


def test_closing_ends_a_running_stream(minilm: str) -> None:
    model = TextEmbedding(minilm)
    vectors = model.embed(iter(TEXTS * 20), batch_size=8)
    next(vectors)
    model.close()
    with pytest.raises(ClosedError, match="closed while texts were being embedded"):
        list(vectors)


def test_closing_ends_a_running_call_soon(minilm: str) -> None:
    model = TextEmbedding(minilm, threads=1)
    engine, batches = model._loaded().engine, []
    run = engine.run

    def closing(texts, length, extra):
        batches.append(len(texts))
        if len(batches) == 2:
            model.close()
        return run(texts, length, extra)

    engine.run = closing
    with pytest.raises(ClosedError, match="closed while texts were being embedded"):
        model.encode(["a text of several words"] * 512, batch_size=8)
    assert len(batches) == 2  # of 64


def test_context_manager_closes(minilm: str) -> None:
    with TextEmbedding(minilm) as model:
        model.encode("x")
    with pytest.raises(ClosedError):
        model.encode("x")


@pytest.mark.parametrize("copier", [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_share_the_engine_and_keep_the_options(minilm: str, copier, sessions: list[int]) -> None:
    model = TextEmbedding(minilm, dimensions=32, prompts={"query": "q: "}, threads=2)
    expected = model.encode_query("x")
    made = len(sessions)
    twin = copier(model)
    assert len(sessions) == made
    model.close()
    np.testing.assert_array_equal(twin.encode_query("x"), expected)


def test_lazy_load(minilm: str, sessions: list[int]) -> None:
    model = TextEmbedding(minilm, precision="fp32", lazy_load=True, threads=2)
    assert "not loaded" in repr(model)
    assert sessions == []
    model.encode("x")
    assert len(sessions) == 1


@pytest.mark.usefixtures("two_cores")
def test_one_text_and_many_texts_use_their_own_session(minilm: str, sessions: list[int]) -> None:
    model = TextEmbedding(minilm, precision="fp32", lazy_load=True)
    model.encode(TEXTS)
    assert sessions == [1]
    model.encode("x")
    assert sessions == [1, 2]


def test_a_single_core_needs_a_single_session(minilm: str, sessions: list[int]) -> None:
    model = TextEmbedding(minilm, precision="fp32", threads=1)
    model.encode("x")
    model.encode(TEXTS)
    assert sessions == [1]


@pytest.mark.usefixtures("two_cores")
def test_a_big_model_is_loaded_once(minilm: str, sessions: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    expected = TextEmbedding(minilm, precision="fp32").encode(TEXTS)
    sessions.clear()
    monkeypatch.setattr(sessions_module, "_TWO_SESSIONS_BELOW", 0)
    model = TextEmbedding(minilm, precision="fp32", lazy_load=True, max_tokens=128)
    np.testing.assert_allclose(model.encode(TEXTS), expected, atol=1e-6)
    np.testing.assert_allclose(model.encode(TEXTS[0]), expected[0], atol=1e-6)
    assert sessions == [2]


def test_threads_share_one_model(minilm: str, sessions: list[int]) -> None:
    texts = TEXTS[:16]
    expected = TextEmbedding(minilm, precision="fp32").encode(texts)
    del sessions[:]
    model = TextEmbedding(minilm, precision="fp32", lazy_load=True, max_tokens=128)
    barrier = threading.Barrier(16)

    def work(i: int) -> np.ndarray:
        barrier.wait()
        return np.stack([model.encode(texts[i]), model.encode(texts)[i]])

    with ThreadPoolExecutor(16) as threads:
        for i, vectors in enumerate(threads.map(work, range(16))):
            np.testing.assert_allclose(vectors, [expected[i]] * 2, atol=1e-6)
    assert len(sessions) <= 2


def test_dropping_a_stream_stops_its_work(minilm: str) -> None:
    model = TextEmbedding(minilm)
    vectors = model.embed(TEXTS * 200)
    next(vectors)
    vectors.close()
    deadline = time.monotonic() + 2
    while not workers.compute_pool().idle and time.monotonic() < deadline:
        time.sleep(0.01)
    assert workers.compute_pool().idle


async def test_event_loop_keeps_turning(minilm: str) -> None:
    model = TextEmbedding(minilm, precision="fp32", lazy_load=True)
    loading, forward = (OnnxEngine, "__init__"), (OnnxEngine, "_forward")
    found = await turns(model.aencode(TEXTS), loading, forward)
    assert len(found) > 1
    assert all(found)
    assert await turns(model.aencode_query("x"), (OnnxEngine, "run_one")) == [True]


async def test_concurrent_queries(minilm: str) -> None:
    model = TextEmbedding(minilm)
    vectors = await asyncio.gather(*(model.aencode_query(text) for text in TEXTS))
    np.testing.assert_allclose(vectors, model.encode(TEXTS), atol=1e-6)


async def test_cancelling_stops_the_work(minilm: str) -> None:
    model = TextEmbedding(minilm)
    task = asyncio.create_task(model.aencode(TEXTS * 2000, batch_size=16))
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    deadline = time.monotonic() + 10
    while not workers.compute_pool().idle and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    assert workers.compute_pool().idle


async def test_async_errors_arrive(minilm: str) -> None:
    with pytest.raises(TypeError, match=r"texts\[0\]"):
        await TextEmbedding(minilm).aencode([None])


def _encode_first(model: TextEmbedding) -> list[float]:
    return model.encode(TEXTS)[0].tolist()


def test_spawned_process(minilm: str) -> None:
    model = TextEmbedding(minilm)
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as workers:
        vector = workers.apply(_encode_first, (model,))
    np.testing.assert_allclose(vector, model.encode(TEXTS[0]), atol=1e-6)


_FORK = """
import os, sys
import numpy as np
from rapidembed import TextEmbedding
model = TextEmbedding({name!r})
expected = model.encode(["one", "two words", "three more words"])
child = os.fork()
if child == 0:
    same = np.allclose(model.encode(["one", "two words", "three more words"]), expected, atol=1e-6)
    same = same and np.allclose(model.encode("one"), expected[0], atol=1e-6)
    model.close()
    sys.exit(0 if same else 3)
_, status = os.waitpid(child, 0)
assert np.allclose(model.encode("one"), expected[0], atol=1e-6)
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_forked_child_uses_engines_of_its_own(minilm: str) -> None:
    done = subprocess.run([sys.executable, "-c", _FORK.format(name=minilm)], timeout=60, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


_EXIT = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever the tests were started with
from rapidembed import TextEmbedding
model = TextEmbedding({name!r})
vectors = model.embed(("some text " * (i % 40) for i in range(100_000)), batch_size=64)
next(vectors)
{ending}
"""


@pytest.mark.parametrize(
    ("ending", "code"),
    [("", 0), ("raise SystemExit(7)", 7), ("import os, signal; os.kill(os.getpid(), signal.SIGINT)", 130)],
)
def test_the_interpreter_ends_promptly_amid_work(minilm: str, ending: str, code: int) -> None:
    started = time.perf_counter()
    script = _EXIT.format(name=minilm, ending=ending)
    done = subprocess.run([sys.executable, "-c", script], timeout=60, capture_output=True, text=True)
    assert done.returncode in (code, -2 if code == 130 else code), done.stderr
    assert "Fatal" not in done.stderr
    assert "terminate called" not in done.stderr
    assert time.perf_counter() - started < 20


_FORKED_THREADS = """
import os, sys, threading
from rapidembed import TextEmbedding
model = TextEmbedding({name!r})
model.encode(["one", "two"])
child = os.fork()
if child == 0:
    barrier, done = threading.Barrier(3), []
    def work():
        barrier.wait()
        done.append(model.encode(["x"] * 3).shape)
    threads = [threading.Thread(target=work) for _ in range(3)]
    [thread.start() for thread in threads]
    [thread.join(20) for thread in threads]
    os._exit(0 if done == [(3, 384)] * 3 else 3)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_threads_of_a_forked_child_start_one_engine(minilm: str) -> None:
    script = _FORKED_THREADS.format(name=minilm)
    done = subprocess.run([sys.executable, "-c", script], timeout=60, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


_NO_TELEMETRY = """
import os
from rapidembed import TextEmbedding
TextEmbedding({name!r}).encode(["a", "b"])
print(os.environ.get("ORT_DISABLE_TELEMETRY"))
"""


def test_onnx_runtime_reports_nothing(minilm: str, tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("GITHUB_")}
    environment = kept | {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    command = [sys.executable, "-c", _NO_TELEMETRY.format(name=minilm)]
    done = subprocess.run(command, env=environment, timeout=60, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "None\n"), done.stderr
    assert [path for path in tmp_path.rglob("*") if "onnxruntime" in path.name.lower()] == []


_AT_EXIT = """
import atexit
def late():
    try:
        model.encode(["pending", "texts"])
    except RuntimeError as error:
        print(error)
atexit.register(late)
from rapidembed import TextEmbedding
model = TextEmbedding({name!r})
model.encode(["a", "b"])
"""


def test_use_while_the_interpreter_ends_is_an_error(minilm: str) -> None:
    script = _AT_EXIT.format(name=minilm)
    done = subprocess.run([sys.executable, "-c", script], timeout=60, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "Models cannot be used while the interpreter shuts down.\n")


def test_a_collection_while_an_engine_is_made(minilm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Finalizers run in whatever thread collects, also in one that holds the registry's lock."""
    before = engines().keys()
    create = OnnxEngine.__init__

    def collect_amid(self: OnnxEngine, *arguments: object) -> None:
        create(self, *arguments)
        gc.collect()

    class Cycle:
        def __init__(self) -> None:
            self.model = TextEmbedding(minilm, lazy_load=True)
            self.model.encode("x")
            self.me = self

    gc.disable()
    try:
        Cycle()
        monkeypatch.setattr(OnnxEngine, "__init__", collect_amid)
        thread = threading.Thread(target=lambda: TextEmbedding(minilm, threads=1).close(), daemon=True)
        thread.start()
        thread.join(30)
    finally:
        gc.enable()
    assert not thread.is_alive()
    assert engines().keys() == before


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy_of = tmp_path / "model"
    shutil.copytree(TINY, copy_of)
    return copy_of


def _save_again(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    name = next(name for name in weights if name.endswith("word_embeddings.weight"))
    weights[name] = weights[name][::-1].copy()
    save_file(weights, folder / "new")
    os.replace(folder / "new", folder / "model.safetensors")


def test_files_replaced_under_a_loaded_model(folder: Path) -> None:
    model = TextEmbedding(folder)
    old, fingerprint = model.encode("x"), model.fingerprint
    _save_again(folder)
    np.testing.assert_array_equal(model.encode("x"), old)
    with pytest.raises(IntegrityError, match="changed while"):
        _ = model.fingerprint
    fresh = TextEmbedding(str(folder))
    assert fresh.fingerprint != fingerprint
    assert not np.allclose(fresh.encode("x"), old, atol=1e-3)


@pytest.mark.usefixtures("two_cores")
def test_a_session_is_not_made_of_other_files(folder: Path) -> None:
    model = TextEmbedding(folder)
    _save_again(folder)
    with pytest.raises(IntegrityError, match="Close the model and create it again"):
        model.encode(["x", "y"])


async def test_a_cancelled_call_stops_within_a_batch(minilm: str) -> None:
    model = TextEmbedding(minilm, precision="fp32")
    ran = []
    run = OnnxEngine.run
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OnnxEngine, "run", lambda *args: (ran.append(1), run(*args))[1])
        task = asyncio.create_task(model.aencode(["word " * 400] * 2000, batch_size=256))
        while not ran:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        deadline = time.monotonic() + 10
        while not workers.compute_pool().idle and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
    assert len(ran) < 200  # of 2,000, each a batch of its own at this length


def test_tokens_do_not_travel(minilm: str) -> None:
    model = TextEmbedding(minilm, lazy_load=True, token="hf_secret")
    assert b"hf_secret" not in pickle.dumps(model)
