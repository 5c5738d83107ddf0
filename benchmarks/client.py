"""Processes of their own, from the parent's end: one that answers once, and workers that stay."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.paths import ROOT, WORK

_PATIENCE = 3600.0
"""Seconds without a line from a worker before it is given up."""
_STARTED = time.monotonic()
_ABSOLUTE_PATH = re.compile(r"(?:/[^\s/:'\"]+)+/")


class WorkerError(Exception):
    """An engine failed. The message is one line without paths, fit for the results."""


def say(line: str) -> None:
    """A progress line."""
    print(f"[{time.monotonic() - _STARTED:5.0f} s] {line}", file=sys.stderr, flush=True)


def environment(**more: str) -> dict[str, str]:
    """Of a process whose start is measured: modules stay compiled, as they are where a package is installed."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | more


def seconds_of(script: str, *arguments: str) -> float:
    """What a script prints of its own time, in a new process."""
    command = [sys.executable, "-c", script, *arguments]
    return float(subprocess.run(command, env=environment(), capture_output=True, check=True).stdout)


def run_module(name: str, *arguments: object, python: str = sys.executable, **variables: str) -> str:
    """What ``python -m benchmarks.NAME ARGUMENT ...`` prints.

    Raises:
        WorkerError: it failed; the message is its last line.
    """
    command = [python, "-m", f"benchmarks.{name}", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | variables, capture_output=True, text=True, check=False)
    if done.returncode:
        raise WorkerError(_without_paths((done.stderr.strip().splitlines() or [f"code {done.returncode}"])[-1]))
    return done.stdout


def ask_module(name: str, *arguments: object, **more: str) -> Any:
    """The last line of it, read as JSON: libraries may print before."""
    return json.loads(run_module(name, *arguments, **more).splitlines()[-1])


class Worker:
    """A fresh process with one engine loaded. Use as a context manager.

    Raises:
        WorkerError: the engine could not be loaded; later, that a request failed.
    """

    def __init__(self, engine: str, folder: Path, head: str | None = None, python: str = sys.executable) -> None:
        self._process = subprocess.Popen(
            [python, "-m", "benchmarks.worker", engine, str(folder), *([head] if head else [])],
            cwd=ROOT,
            env=environment(HF_HUB_OFFLINE="1", TQDM_DISABLE="1", RAPIDEMBED_CACHE_DIR=str(WORK / "cache")),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        # Any: they are None only where they are no pipes.
        self._requests: Any = self._process.stdin
        self._answers: Any = self._process.stdout
        try:
            self.computes: str | None = self._receive()["computes"]
        except BaseException:
            self.close()
            raise

    def ask(self, do: str, on_progress: Callable[[dict[str, Any]], None] | None = None, **arguments: Any) -> Any:
        """Send a request and wait for its answer."""
        try:
            self._requests.write(json.dumps({"do": do, **arguments}) + "\n")
            self._requests.flush()
        except BrokenPipeError as error:
            raise WorkerError(self._death()) from error
        while "progress" in (answer := self._receive()):
            if on_progress is not None:
                on_progress(answer["progress"])
        return answer

    def close(self) -> None:
        """End the process: politely, then not."""
        for pipe in (self._requests, self._answers):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _receive(self) -> dict[str, Any]:
        late = threading.Event()
        watchdog = threading.Timer(_PATIENCE, lambda: (late.set(), self._process.kill()))
        watchdog.daemon = True
        watchdog.start()
        try:
            line = self._answers.readline()
        finally:
            watchdog.cancel()
        if late.is_set():
            raise WorkerError(f"no answer in {_PATIENCE:.0f} s")
        if not line:
            raise WorkerError(self._death())
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise WorkerError(_without_paths(answer["error"]))
        return answer

    def _death(self) -> str:
        code = self._process.wait()
        if code == -signal.SIGKILL:
            return "its process was killed, most likely for lack of memory"
        return f"its process ended with code {code}"

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _without_paths(message: str) -> str:
    """The message on one line, folders taken out of the paths in it."""
    line = _ABSOLUTE_PATH.sub("", " ".join(message.split()))
    return line if len(line) <= 300 else line[:299] + "…"
