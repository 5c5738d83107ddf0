"""Faults of processes and threads: what is killed, hangs, or is started in odd ways.

Rows of docs/reliability.md, as in the other files of this folder.
"""

import asyncio
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from rapidembed import TextEmbedding

from tests.fakes.hub import FakeHub
from tests.fakes.process import printed, start, with_tiny
from tests.fakes.tiny import TINY

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
NAME = "someone/tiny"
Row = Callable[[int, str, str], None]
linux = pytest.mark.skipif(sys.platform != "linux", reason="the figures are Linux's")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")


# Two users


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files to another user")
@pytest.mark.parametrize(("umask", "group"), [(0o022, 60_001), (0o002, 0)])
def test_a_cache_of_two_users(tmp_path: Path, row: Row, umask: int, group: int) -> None:
    """Two users share a cache."""
    cache, before = tmp_path / "cache", f"import os; os.umask({umask:#o})"
    with FakeHub({NAME: TINY, "someone/else": TINY}) as hub:
        start(hub.url, cache, before=before, model_name=NAME)
        for path in [cache, *cache.rglob("*")]:
            os.chown(path, 60_001, group, follow_symlinks=False)
        asked = len(hub.requests)
        complete = start(hub.url, cache, before=before, unprivileged=True, model_name=NAME)
        asked, more = len(hub.requests) - asked, {"model_name": "someone/else", "before": before, "unprivileged": True}
        other = start(hub.url, cache, **more)
    assert "vector" in complete, complete
    assert asked == 0
    if group == 0:
        assert "vector" in other, other
    else:
        assert "cannot be stored in the cache" in other["message"]
    outcome = "loads" if "vector" in other else other["error"]
    row(31, f"complete: loads (umask {umask:03o})", f"{asked} requests")
    row(31, f"another model: as the permissions have it (umask {umask:03o})", outcome)


# What there are no processes for


_AT_WORK = """
import asyncio, itertools, sys, threading
from rapidembed import TextEmbedding
model = TextEmbedding(TINY)
def work():
    for _ in model.embed((f"text {i}" for i in itertools.count()), parallel=4):
        pass
async def ask():
    while True:
        await asyncio.gather(*(model.aencode_query("x") for _ in range(20)))
        print("works", flush=True)
for _ in range(2):
    threading.Thread(target=work, daemon=True).start()
asyncio.run(ask())
"""


@linux
def test_no_processes_and_no_orphans(row: Row) -> None:
    """A process of workers is killed; the program itself is."""
    program = subprocess.Popen([sys.executable, "-c", with_tiny(_AT_WORK)], stdout=subprocess.PIPE, text=True)
    with program:
        for _ in range(5):
            assert program.stdout.readline() == "works\n"
        process = psutil.Process(program.pid)
        children, group = process.children(recursive=True), os.getpgid(program.pid)
        program.send_signal(signal.SIGKILL)
    left = [
        each for each in psutil.process_iter(["ppid"]) if each.pid == program.pid or each.info["ppid"] == program.pid
    ]
    assert children == left == []
    assert group == os.getpgid(0)
    row(47, "there are none: work is done by threads", f"{len(children)} processes beside parallel=4")
    row(52, "nothing of it is left (SIGKILL)", f"{len(left)} orphans")


class StrangeError(Exception):
    """Cannot be pickled."""

    def __init__(self, needed: int) -> None:
        super().__init__("strange")

    def __reduce__(self) -> Any:
        raise TypeError("no pickle of this")


async def test_whatever_a_run_raises(monkeypatch: pytest.MonkeyPatch, row: Row) -> None:
    """The work of a thread raises: an error, one that cannot be pickled, SystemExit."""
    with TextEmbedding(TINY) as model:
        inner = model._loaded().engine._engine
        calls = {
            "one": lambda: model.encode_query("x"),
            "many": lambda: model.encode(["x", "y z"] * 100),
            "stream": lambda: list(model.embed(["x", "y z"] * 100, batch_size=4)),
        }
        errors = (KeyError("mine"), StrangeError(1), SystemExit(3), MemoryError("none left"))
        for error in errors:
            with monkeypatch.context() as patch:
                patch.setattr(inner, "run", lambda *_, error=error: _raise(error))
                patch.setattr(inner, "run_one", lambda *_, error=error: _raise(error))
                for call in calls.values():
                    with pytest.raises(type(error)) as caught:
                        call()
                    assert caught.value is error
                if not isinstance(error, SystemExit):  # which ends an event loop, as anywhere
                    found = await asyncio.gather(*(model.aencode_query("x") for _ in range(4)), return_exceptions=True)
                    assert all(each is error for each in found)
            assert model.encode("x").shape == (32,)
        with pytest.raises(TypeError):
            pickle.dumps(errors[1])
    row(48, "the caller gets it, and the model is usable", f"{len(errors)} kinds, {len(calls) + 1} ways")


def _raise(error: BaseException) -> None:
    raise error


async def test_a_run_that_takes_for_ever(monkeypatch: pytest.MonkeyPatch, row: Row) -> None:
    """A run hangs."""
    go = threading.Event()
    with TextEmbedding(TINY) as model, TextEmbedding(TINY, threads=1) as other:
        engine = model._loaded().engine
        inner, forward = engine._engine, engine._engine.run_one
        monkeypatch.setattr(inner, "run_one", lambda *given: (go.wait(60), forward(*given))[1])
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await model.aencode_query("x")
        seconds = time.monotonic() - started
        assert other.encode("x").shape == (32,)
        go.set()
        monkeypatch.undo()
        assert (await model.aencode_query("x")).shape == (32,)
    row(49, "who awaits gets a TimeoutError when it is due; other models work on", f"{seconds:.1f} s with 0.5 s")
    assert seconds < 2


_NO_GUARD = """
import os
import psutil
from rapidembed import TextEmbedding
model = TextEmbedding(TINY, threads=4)
model.encode(["a text"] * 500, parallel=4)
print(len(list(model.embed(["a text"] * 500, parallel=0))), len(psutil.Process().children()))
"""


@linux
def test_no_guard(tmp_path: Path, row: Row) -> None:
    """A script has no main guard, comes by the standard input, or is typed."""
    script = with_tiny(_NO_GUARD)
    (tmp_path / "script.py").write_text(script)
    ways = [
        printed("", str(tmp_path / "script.py")),
        printed("", "-", given=script),
        printed("", "-i", "-q", given=script),
    ]
    assert [lines[-1] for lines in ways] == ["500 0"] * 3
    row(53, "works: parallel= starts threads", f"{len(ways)}/3, 0 processes")


_SPAWN = """
import multiprocessing, os
from rapidembed import TextEmbedding
model = TextEmbedding(TINY)
def work(given):
    return given.encode("a text").tolist()
if __name__ == "__main__":
    expected = model.encode("a text").tolist()
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        print(pool.map(work, [model] * 4) == [expected] * 4)
"""

_SUBINTERPRETER = """
import _xxsubinterpreters as interpreters
other = interpreters.create()
try:
    interpreters.run_string(other, "from rapidembed import TextEmbedding as T; T(TINY).encode('x')")
except Exception as error:
    print("rapidembed does not run in a subinterpreter" in str(error))
"""


def test_spawned_children(tmp_path: Path, row: Row) -> None:
    """A loaded model is sent to spawned children."""
    (tmp_path / "script.py").write_text(with_tiny(_SPAWN))
    assert printed("", str(tmp_path / "script.py")) == ["True"]
    row(54, "they load their own, and give the same", "4/4")


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="the module has another name there")
def test_subinterpreter(row: Row) -> None:
    """A model is used in a subinterpreter."""
    assert printed(_SUBINTERPRETER) == ["True"]
    row(54, "an error that says so", "1/1")


_APPLICATION = """
import json, os
from rapidembed import TextEmbedding
model = TextEmbedding(TINY)
expected = model.encode_query("a text").tolist()
def application(environ, respond):
    found = model.encode_query("a text").tolist()
    respond("200 OK", [("Content-Type", "application/json")])
    return [json.dumps([os.getpid(), max(abs(a - b) for a, b in zip(found, expected))]).encode()]
"""


@needs_fork
def test_preloaded_workers(tmp_path: Path, row: Row) -> None:
    """gunicorn --preload, with threads in each worker."""
    pytest.importorskip("gunicorn")
    import json
    from concurrent.futures import ThreadPoolExecutor

    (tmp_path / "served.py").write_text(with_tiny(_APPLICATION))
    options = [
        "--preload",
        "--workers",
        "2",
        "--threads",
        "8",
        "--bind",
        "127.0.0.1:0",
        "--worker-tmp-dir",
        str(tmp_path),
    ]
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", *options, "served:application"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    with server:
        try:
            address = next(line.split()[-2] for line in server.stderr if "Listening at" in line)
            threading.Thread(target=server.stderr.read, daemon=True).start()

            def ask(_: int) -> tuple[int, float]:
                with urllib.request.urlopen(address, timeout=60) as answer:
                    return tuple(json.load(answer))

            with ThreadPoolExecutor(16) as threads:
                answers = list(threads.map(ask, range(400)))
        finally:
            server.terminate()
    worst = max(difference for _, difference in answers)
    assert worst < 1e-6
    assert server.returncode == 0
    row(54, "they work, each with its own", f"{len(answers)}/400 by {len({pid for pid, _ in answers})} workers")
