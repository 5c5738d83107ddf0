"""Models over a process's life: many threads at the start, closing amid use, forks, interrupts, no memory, no leak."""

import gc
import os
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
from rapidembed import ClosedError, TextEmbedding
from rapidembed.runtime import workers
from rapidembed.tasks.text.model import TextModel

TINY = Path(__file__).parents[1] / "golden" / "base"
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")


def run(script: str, **values: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", script.format(folder=str(TINY), **values)],
        timeout=100,
        capture_output=True,
        text=True,
        check=False,
    )


def test_sixteen_threads_load_once(monkeypatch: pytest.MonkeyPatch) -> None:
    load, loads, barrier = TextModel.load, [], threading.Barrier(16)
    monkeypatch.setattr(TextModel, "load", lambda *given: (loads.append(1), time.sleep(0.05), load(*given))[2])
    model = TextEmbedding(TINY, lazy_load=True)

    def first_use(_: int) -> np.ndarray:
        barrier.wait()
        return model.encode_query("x")

    with ThreadPoolExecutor(16) as threads:
        vectors = list(threads.map(first_use, range(16)))
    assert len(loads) == 1
    np.testing.assert_allclose(vectors, [vectors[0]] * 16, atol=1e-6)


def test_closing_amid_use_is_clean_and_soon() -> None:
    model = TextEmbedding(TINY)
    outcomes: list[object] = []

    def use() -> None:
        try:
            while True:
                model.encode_query("a text")
                model.encode(["some", "texts"] * 20)
        except BaseException as error:
            outcomes.append(error)

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    closed = time.monotonic()
    model.close()
    for thread in threads:
        thread.join(20)
    assert time.monotonic() - closed < 10
    assert [type(error) for error in outcomes] == [ClosedError] * 8


_PRELOAD = """
import os, sys
import numpy as np
from concurrent.futures import ThreadPoolExecutor
from rapidembed import TextEmbedding
model = TextEmbedding({folder!r})
expected = model.encode_query("warm")
with ThreadPoolExecutor(8) as threads:
    list(threads.map(model.encode_query, ["a b"] * 32))
children = []
for _ in range(3):
    child = os.fork()
    if child == 0:
        with ThreadPoolExecutor(8) as threads:
            same = [np.allclose(each, expected, atol=1e-6) for each in threads.map(model.encode_query, ["warm"] * 32)]
        import asyncio
        async def ask():
            return await asyncio.gather(*(model.aencode_query("warm") for _ in range(32)))
        same += [np.allclose(each, expected, atol=1e-6) for each in asyncio.run(ask())]
        os._exit(0 if all(same) and len(same) == 64 else 3)
    children.append(child)
sys.exit(sum(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
"""


@needs_fork
def test_workers_forked_of_a_loaded_and_busy_parent_work() -> None:
    """As gunicorn's ``--preload`` does it."""
    done = run(_PRELOAD)
    assert done.returncode == 0, done.stderr


_SUBINTERPRETER = """
import _xxsubinterpreters as interpreters
other = interpreters.create()
try:
    interpreters.run_string(other, "from rapidembed import TextEmbedding as T; T({folder!r}).encode('x')")
except Exception as error:
    print(type(error).__name__, error)
else:
    print("works")
"""


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="the module has another name there")
def test_a_subinterpreter_says_what_to_do() -> None:
    done = run(_SUBINTERPRETER)
    assert done.returncode == 0, done.stderr
    assert "rapidembed does not run in a subinterpreter" in done.stdout


_INTERRUPT = """
import os, signal, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from rapidembed import TextEmbedding
model = TextEmbedding({name!r})
threading.Timer(1.0, lambda: (globals().update(sent=time.monotonic()), os.kill(os.getpid(), signal.SIGINT))).start()
try:
    model.encode(["many words in a text " * 20] * 20_000)
except KeyboardInterrupt:
    print(time.monotonic() - sent)
    print(model.encode_query("x").shape, model.encode(["x", "y"]).shape)
"""


def test_an_interrupt_ends_a_call_and_leaves_the_model(minilm: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _INTERRUPT.format(name=minilm)], timeout=100, capture_output=True, text=True, check=False
    )
    seconds, shapes = done.stdout.strip().splitlines()
    assert float(seconds) < 2, done.stderr
    assert shapes == "(384,) (2, 384)"


def test_an_abandoned_iterator_frees_its_work() -> None:
    model = TextEmbedding(TINY)
    vectors = model.embed(f"text {i}" for i in range(1_000_000))
    next(vectors)
    del vectors
    gc.collect()
    deadline = time.monotonic() + 5
    while not workers.compute_pool().idle and time.monotonic() < deadline:
        time.sleep(0.01)
    assert workers.compute_pool().idle
    assert model.encode("x").shape == model.encode("y").shape


_NO_MEMORY = """
import resource
from rapidembed import TextEmbedding
model = TextEmbedding({folder!r})
expected = model.encode(["one", "two"])
soft, hard = resource.getrlimit(resource.RLIMIT_AS)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (48 << 20), hard))
try:
    model.encode(["word " * 60] * 400_000)
except Exception as error:
    print(type(error).__name__)
resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
print(abs(model.encode(["one", "two"]) - expected).max() < 1e-6)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_no_memory_is_an_error_that_loses_nothing() -> None:
    done = run(_NO_MEMORY)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["MemoryError", "True"]


_NO_MEMORY_FOR_A_BATCH = """
import resource
from rapidembed import TextEmbedding
model = TextEmbedding({folder!r}, threads=1)
short, long = model.encode("word"), model.encode("word " * 60)
soft, hard = resource.getrlimit(resource.RLIMIT_AS)
def given():
    yield from ["word"] * 3_000
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used, hard))
    yield from ["word " * 60] * 30_000
rows = []
try:
    for row in model.embed(given(), batch_size=1_000):
        rows.append(abs(row - short).max())
except MemoryError as error:
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    print(len(rows), max(rows) < 1e-6, abs(model.encode(["word " * 60] * 1_000)[-1] - long).max() < 1e-6, error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_no_memory_for_a_batch_leaves_the_rows_before_it() -> None:
    done = run(_NO_MEMORY_FOR_A_BATCH)
    assert done.returncode == 0, done.stderr
    rows, right, usable, *_ = done.stdout.split()
    assert int(rows) >= 1_000
    assert (right, usable) == ("True", "True"), done.stdout


def _cycles(count: int) -> tuple[int, int, int]:
    """Threads, descriptors and bytes that so many cycles of opening and closing left."""
    process = psutil.Process()

    def state() -> tuple[int, int, int]:
        gc.collect()
        return threading.active_count(), process.num_fds(), process.memory_info().rss

    def cycle() -> None:
        with TextEmbedding(TINY, threads=1) as model:
            model.encode_query("x")
            model.encode(["x", "y z"])

    for _ in range(10):
        cycle()
    before = state()
    for _ in range(count):
        cycle()
    threads, files, memory = (now - then for now, then in zip(state(), before, strict=True))
    return threads, files, memory


@pytest.mark.skipif(sys.platform != "linux", reason="descriptors are counted there")
@pytest.mark.parametrize("count", [25, pytest.param(1000, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])])
def test_opening_and_closing_leaves_nothing(count: int) -> None:
    threads, files, memory = _cycles(count)
    assert threads <= 0
    assert files <= 0
    assert memory < (30 << 20)


def test_a_spawned_child_of_another_folder_is_told(tmp_path: Path) -> None:
    """What a pickle names has gone by the time that the child looks for it."""
    import pickle

    folder = tmp_path / "model"
    shutil.copytree(TINY, folder)
    data = pickle.dumps(TextEmbedding(folder))
    shutil.rmtree(folder)
    with pytest.raises(Exception, match="model"):
        pickle.loads(data)
