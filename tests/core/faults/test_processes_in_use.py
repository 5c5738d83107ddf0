"""Streams, signals, forks, threads, cores, and what stays behind."""

import gc
import itertools
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from rapidembed import TextEmbedding
from rapidembed.runtime import workers

from tests.fakes.in_use import linux
from tests.fakes.process import printed
from tests.fakes.tiny import TINY, Row

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_abandoned_streams(model: TextEmbedding, row: Row) -> None:
    """A consumer takes one of 5,000 batches and goes away."""
    slowest = 0.0
    for way in ("close", "break", "del", "error"):
        results = model.embed((f"text {i}" for i in range(1_000_000)), batch_size=200)
        next(results)
        started = time.monotonic()
        if way == "close":
            results.close()
        if way == "error":
            with pytest.raises(KeyError):
                raise KeyError("of the consumer")
        del results
        gc.collect()
        while not workers.compute_pool().idle and time.monotonic() - started < 10:
            time.sleep(0.005)
        slowest = max(slowest, time.monotonic() - started)
        assert workers.compute_pool().idle, way
    row(50, "the work ends", f"within {slowest:.2f} s, 4 ways")
    assert slowest < 2


_SIGNAL = """
import os, signal, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from rapidembed import TextEmbedding
model = TextEmbedding(TINY)
def send():
    global sent
    sent = time.monotonic()
    os.kill(os.getpid(), signal.SIGNAL)
threading.Timer(1.0, send).start()
try:
    model.encode(["many words in a text " * 20] * 300_000)
except KeyboardInterrupt:
    print(time.monotonic() - sent, model.encode("x").shape)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="signals are another thing elsewhere")
def test_signals(row: Row) -> None:
    """SIGINT and SIGTERM amid a call."""
    line = printed(_SIGNAL.replace("SIGNAL)", "SIGINT)"))[0].split(" ", 1)
    assert line[1] == "(32,)"
    row(51, "SIGINT: a KeyboardInterrupt, and the model is usable", f"{float(line[0]):.2f} s")
    assert float(line[0]) < 2
    assert printed(_SIGNAL.replace("SIGNAL)", "SIGTERM)"), status=-15) == []
    row(51, "SIGTERM: the process ends", "at once, as the system has it")


_FORK = """
import os, threading
import numpy as np
from rapidembed import TextEmbedding
model = TextEmbedding(TINY)
expected = model.encode(["a", "b c"])
def child():
    pid = os.fork()
    if pid == 0:
        os._exit(0 if np.allclose(model.encode(["a", "b c"]), expected, atol=1e-6) else 3)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
codes = []
child()
busy = threading.Thread(target=lambda: model.encode(["busy " * 20] * 20_000))
busy.start()
child()
thread = threading.Thread(target=child)
thread.start(); thread.join(); busy.join()
import multiprocessing
def work(): os._exit(0 if TextEmbedding(TINY).encode("x").shape == (32,) else 3)
process = multiprocessing.get_context("fork").Process(target=work, daemon=True)
process.start(); process.join(); codes.append(process.exitcode)
print(codes)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_forks(row: Row) -> None:
    """Forked with a loaded model, amid work, from a thread; a daemonic process."""
    assert printed(_FORK, PYTHONWARNINGS="ignore") == ["[0, 0, 0, 0]"]
    row(54, "children work", "exit codes 0, 0, 0, 0")


def test_sixteen_threads(row: Row) -> None:
    """Sixteen threads share a model that is not loaded yet."""
    texts = [f"text {i} " * (1 + i % 9) for i in range(16)]
    with TextEmbedding(TINY) as model:
        expected = [model.encode(text) for text in texts]
    lazy, barrier = TextEmbedding(TINY, lazy_load=True), threading.Barrier(16)

    def use(i: int) -> float:
        barrier.wait()
        return max(float(np.abs(lazy.encode(texts[i]) - expected[i]).max()) for _ in range(20))

    with ThreadPoolExecutor(16) as threads:
        worst = max(threads.map(use, range(16)))
    assert worst < 1e-6
    row(55, "as one after another", f"largest difference {worst:.0e}")


_CORES = """
import os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from rapidembed import TextEmbedding
from rapidembed.runtime import workers
model = TextEmbedding(TINY, threads=THREADS)
print(model.encode(["x"] * 50).shape, model.encode("x").shape)
"""


@linux
@pytest.mark.parametrize("threads", ["None", "64"])
def test_one_core(row: Row, threads: str) -> None:
    """The process may use one core only."""
    assert printed(_CORES.replace("THREADS", threads)) == ["(50, 32) (32,)"]
    row(58, f"works without a word on standard error (threads={threads})", "loads")


def test_slow_consumer(model: TextEmbedding, row: Row) -> None:
    """A generator of a million texts, and a consumer that is slow."""
    pulled = itertools.count()
    taken = [0]

    def given() -> Iterator[str]:
        for number in pulled:
            taken[0] = number
            if number == 1_000_000:
                return
            yield f"text {number}"

    results = model.embed(given(), batch_size=64)
    for _ in range(10):
        next(results)
    time.sleep(1.0)
    ahead = taken[0]
    results.close()
    assert ahead < 100_000
    row(59, "what is read ahead is bounded", f"{ahead} texts of a million")
