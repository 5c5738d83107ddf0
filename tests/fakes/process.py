"""A model loaded in a process of its own, as a user's program would, and what it touched."""

import ctypes
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.fakes import results

_ROOT = Path(__file__).parents[2]

_SCRIPT = """
import json, os, sys, time, traceback
from tests.fakes import results
options, watch = json.loads(sys.argv[1]), sys.argv[2] == "watch"
touched = {"sockets": [], "writes": []}
def hook(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        touched["sockets"].append(str(arguments[-1]))
    elif event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        touched["writes"].append(str(arguments[0]))
    elif event in ("os.mkdir", "os.rename", "os.remove", "os.link", "os.symlink", "os.chmod", "os.truncate"):
        touched["writes"].append(f"{event} {arguments[0]}")
if watch:
    sys.addaudithook(hook)
started = time.perf_counter()
%(before)s
import rapidembed
try:
    model = getattr(rapidembed, "%(facade)s")(**options)
    vector = results.%(call)s(model)
except Exception as error:
    result = {"error": type(error).__name__, "message": str(error), "cause": repr(error.__cause__)}
    result["shown"] = "".join(traceback.format_exception(error))
else:
    result = {"vector": vector, "revision": model.info.revision, "weights": model.info.weights.name}
print(json.dumps(result | touched | {"seconds": time.perf_counter() - started}))
"""


def spawn(
    hub_url: str,
    cache: Path | None,
    environment: dict[str, str] | None = None,
    *,
    watch: bool = False,
    before: str = "",
    unprivileged: bool = False,
    facade: str = "TextEmbedding",
    call: Callable[[Any], Any] = results.vector,
    **options: Any,
) -> subprocess.Popen[str]:
    """Start a process that loads a model from the hub at ``hub_url`` and does ``call``, one of ``results``."""
    options = ({"cache_dir": str(cache)} if cache else {}) | options
    script = _SCRIPT % {"before": before, "facade": facade, "call": call.__name__}
    path = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, "-c", script, json.dumps(options), "watch" if watch else ""],
        env={
            **os.environ,
            "PYTHONPATH": path,
            "HF_ENDPOINT": hub_url,
            "HF_HUB_DISABLE_XET": "1",
            **(environment or {}),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_drop_root if unprivileged and os.geteuid() == 0 else None,
    )


_PR_CAPBSET_DROP = 24
_FILE_CAPABILITIES = (1, 2, 3)  # to write, read and change what the permissions forbid


def _drop_root() -> None:
    """Make root obey file permissions, from the next program on."""
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in _FILE_CAPABILITIES:
        if libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            os._exit(99)


def finish(process: subprocess.Popen[str], timeout: float = 100) -> dict[str, Any]:
    """What the process found: a vector, or an error; with ``watch``, also the sockets and writes it tried."""
    out, err = process.communicate(timeout=timeout)
    if process.returncode:
        raise AssertionError(f"exit {process.returncode}: {err}")
    return json.loads(out)


def start(*arguments: Any, **options: Any) -> dict[str, Any]:
    """:func:`spawn`, then :func:`finish`."""
    return finish(spawn(*arguments, **options))


def printed(
    script: str, *options: str, status: int = 0, given: str | None = None, timeout: float = 300, **environment: str
) -> list[str]:
    """The lines that a program prints: a text, or with ``options`` of Python whatever they say.

    Args:
        script: the text; TINY in it stands for a folder with a model.
        options: in its place.
        status: that it ends with.
        given: its standard input.
        timeout: in seconds.
        environment: beside this process's.
    """
    path = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, *(options or ("-c", with_tiny(script)))],
        env={**os.environ, "PYTHONPATH": path, **environment},
        input=given,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    if done.returncode != status:
        raise AssertionError(f"exit {done.returncode}: {done.stderr}")
    return done.stdout.splitlines()


def with_tiny(script: str) -> str:
    """A script in which TINY stands for a folder with a model."""
    return script.replace("TINY", repr(str(_ROOT / "tests" / "golden" / "base")))
