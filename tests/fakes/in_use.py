"""Programs of a few lines over the tiny model, and calls that must be refused."""

import gc
import os
import subprocess
import sys
from collections.abc import Callable

import psutil
import pytest

from tests.fakes.tiny import ROOT, TINY

linux = pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")


def run(script: str, *, status: int = 0, **environment: str) -> list[str]:
    """The lines that a program prints."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-c", script.replace("TINY", repr(str(TINY)))],
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == status, done.stderr
    return done.stdout.splitlines()


def refused(calls: dict[str, Callable[[], object]], kind: type[Exception], words: str = "") -> str:
    """How many of the calls raise an error of the kind with the words in it."""
    for name, call in calls.items():
        with pytest.raises(kind) as caught:
            call()
        assert words in str(caught.value), (name, caught.value)
    return f"{len(calls)}/{len(calls)}"


def megabytes() -> float:
    """Memory of this process, without garbage."""
    gc.collect()
    return psutil.Process().memory_info().rss / 1e6
