"""Caches that were damaged, locked, emptied, or may not be written; starts that need no hub."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rapidembed.hub.content import damage

from tests.fakes.here import load
from tests.fakes.hub import FakeHub, Fault
from tests.fakes.process import finish, spawn, start
from tests.fakes.tiny import NAME, TINY, WEIGHTS, Row, blob, gets, right


@pytest.mark.parametrize(
    "file",
    [
        WEIGHTS,
        "config.json",
        *(
            pytest.param(file, marks=pytest.mark.slow)
            for file in ("tokenizer.json", "modules.json", "1_Pooling/config.json")
        ),
    ],
)
def test_cached_file_truncated(cache: Path, vector: list[float], row: Row, file: str) -> None:
    """A cached file was truncated."""
    with FakeHub({NAME: TINY}) as hub:
        load(hub.url, cache, model_name=NAME)
        path = blob(cache, file)
        os.truncate(path, path.stat().st_size // 2)
        offline = start(hub.url, cache, model_name=NAME, local_files_only=True)
        assert offline["error"] == "IntegrityError"
        assert f"Damaged in the cache: {next(cache.glob(f'models--*/snapshots/*/{file}'))}" in offline["message"]
        assert "Load the model once where the hub may be asked" in offline["message"]
        hub.requests.clear()
        assert right(start(hub.url, cache, model_name=NAME), vector)
        assert sum(request.startswith("GET") for request in hub.requests) == 1
    row(
        8,
        "fetched again; offline, an error",
        f"named after {offline['seconds'] * 1000:.0f} ms",
    )


def test_cached_file_gone(cache: Path, vector: list[float], row: Row) -> None:
    """What a link of the cache leads to is gone."""
    with FakeHub({NAME: TINY}) as hub:
        load(hub.url, cache, model_name=NAME)
        blob(cache, "tokenizer.json").unlink()
        offline = start(hub.url, cache, model_name=NAME, local_files_only=True)
        assert offline["error"] == "ModelNotCachedError"
        assert "'tokenizer.json' is missing" in offline["message"]
        assert right(start(hub.url, cache, model_name=NAME), vector)
    row(9, "fetched again; offline, an error", "right")


PAGE = b"<!DOCTYPE html><html><body>Please log in to the network</body></html>"


@pytest.mark.slow
@pytest.mark.parametrize("file", [WEIGHTS, "config.json"])
def test_login_page(cache: Path, row: Row, file: str) -> None:
    """A login page, or nothing, comes instead of a file."""
    with FakeHub({NAME: TINY}, faults=[Fault(file, change=lambda data: PAGE.ljust(len(data)))]) as hub:
        found = start(hub.url, cache, model_name=NAME)
    assert found["error"] == "IntegrityError"
    assert "it looks like an HTML page" in found["message"]
    with FakeHub({NAME: TINY}, faults=[Fault(file, change=lambda _: b"")]) as hub:
        empty = start(hub.url, cache, model_name=NAME)
    assert empty["error"] == "DownloadError"
    row(10, "an error that says what it looks like", f"{found['seconds']:.1f} s")


@pytest.mark.slow
def test_several_cold_processes(cache: Path, vector: list[float], row: Row) -> None:
    """Eight processes load a model that none has."""
    with FakeHub({NAME: TINY}) as hub:
        processes = [spawn(hub.url, cache, model_name=NAME) for _ in range(8)]
        assert all(right(finish(process), vector) for process in processes)
    row(11, "one download", f"{gets(hub, WEIGHTS)} download")
    assert gets(hub, WEIGHTS) == 1


NO_LOCK = """
import contextlib, huggingface_hub.file_download as module
module.WeakFileLock = lambda *_, **__: contextlib.nullcontext()
"""


@pytest.mark.slow
def test_locks_that_do_not_lock(cache: Path, vector: list[float], row: Row) -> None:
    """Eight processes, on a file system whose locks always succeed."""
    with FakeHub({NAME: TINY}, faults=[Fault(WEIGHTS, seconds=0.2)]) as hub:
        processes = [spawn(hub.url, cache, before=NO_LOCK, model_name=NAME) for _ in range(8)]
        good = sum(right(finish(process), vector) for process in processes)
    row(12, "all load", f"{good}/8 load, {gets(hub, WEIGHTS)} downloads")
    assert good == 8
    assert damage(blob(cache, WEIGHTS), blob(cache, WEIGHTS).name) is None


HOLD = """
import sys, time
from huggingface_hub.utils import WeakFileLock
with WeakFileLock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def hold_lock(cache: Path, seconds: float) -> subprocess.Popen[str]:
    name = hashlib.sha256((TINY / WEIGHTS).read_bytes()).hexdigest()
    path = cache / ".locks" / "models--someone--tiny" / f"{name}.lock"
    path.parent.mkdir(parents=True)
    command = [sys.executable, "-c", HOLD, str(path), str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    return process


def test_lock_of_a_dead_process(cache: Path, vector: list[float], row: Row) -> None:
    """The holder of a lock was killed."""
    holder = hold_lock(cache, 60)
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    with FakeHub({NAME: TINY}) as hub:
        found = start(hub.url, cache, model_name=NAME)
    assert right(found, vector)
    row(13, "does not wait", f"{found['seconds']:.1f} s in all")


def test_lock_held_long(cache: Path, vector: list[float], row: Row) -> None:
    """Another process holds the lock."""
    holder = hold_lock(cache, 3)
    with FakeHub({NAME: TINY}) as hub:
        found = start(hub.url, cache, model_name=NAME)
    holder.communicate()
    assert right(found, vector)
    row(14, "waits, then goes on (the hub's client logs that it waits)", f"{found['seconds']:.1f} s of 3 s held")


def test_temporary_files_purged(tmp_path: Path, vector: list[float], row: Row) -> None:
    """The system empties its folder for temporary files."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    environment = {
        "HOME": str(tmp_path / "home"),
        "TMPDIR": str(folder),
        "XDG_CACHE_HOME": str(tmp_path / "home" / ".cache"),
    }
    with FakeHub({NAME: TINY}) as hub:
        start(hub.url, None, environment, model_name=NAME)
        shutil.rmtree(folder)
        folder.mkdir()
        hub.requests.clear()
        assert right(start(hub.url, None, environment, model_name=NAME), vector)
    row(15, "the default cache is elsewhere", f"{len(hub.requests)} requests")
    assert hub.requests == []


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    states = {path: path.lstat() for path in sorted(folder.rglob("*"))}
    return {str(path): (state.st_mtime_ns, state.st_size) for path, state in states.items()}


def test_warm_start(cache: Path, vector: list[float], row: Row) -> None:
    """The cache is complete, the hub is dead."""
    with FakeHub({NAME: TINY}) as hub:
        load(hub.url, cache, model_name=NAME)
    before = tree(cache)
    found = start(hub.url, cache, watch=True, model_name=NAME)
    assert right(found, vector)
    assert found["sockets"] == found["writes"] == []
    assert tree(cache) == before
    row(16, "loads, no socket, nothing written", f"{found['seconds'] * 1000:.0f} ms, 0 sockets, 0 writes")


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_warm_start_under_strace(cache: Path, tmp_path: Path, row: Row) -> None:
    """The cache is complete: what the system sees."""
    with FakeHub({NAME: TINY}) as hub:
        load(hub.url, cache, model_name=NAME)
    script = f"from rapidembed import TextEmbedding; TextEmbedding({NAME!r}, cache_dir={str(cache)!r}).encode('x')"
    log = tmp_path / "strace"
    traced = "trace=socket,connect,openat,mkdir,rename,unlink,symlink,link,truncate"
    command = ["strace", "-f", "-qq", "-e", traced, "-o", str(log), sys.executable, "-B", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    if "not permitted" in done.stderr:
        pytest.skip("strace may not trace here")
    assert done.returncode == 0, done.stderr
    calls = log.read_text(errors="replace").splitlines()
    assert any(WEIGHTS in call or "blobs" in call for call in calls)
    sockets = [call for call in calls if "socket(" in call or "connect(" in call]
    changing = ("O_WRONLY", "O_RDWR", "O_CREAT", "mkdir(", "rename(", "unlink(", "symlink(", "link(", "truncate(")
    writes = [call for call in calls if any(w in call for w in changing) and "readlink" not in call]
    writes = [call for call in writes if "/dev/" not in call and "/proc/" not in call]
    assert sockets == []
    assert writes == []
    row(16, "the same, seen by strace", f"{len(sockets)} sockets, {len(writes)} files opened for writing")


@pytest.mark.parametrize("how", ["HF_HUB_OFFLINE", "local_files_only"])
def test_offline_and_cold(cache: Path, row: Row, how: str) -> None:
    """Offline, and the model was never fetched."""
    environment, options = (
        ({"HF_HUB_OFFLINE": "1"}, {}) if how == "HF_HUB_OFFLINE" else ({}, {"local_files_only": True})
    )
    with FakeHub({NAME: TINY}) as hub:
        found = start(hub.url, cache, environment, watch=True, model_name=NAME, **options)
    assert found["error"] == "ModelNotCachedError"
    for words in (NAME, str(cache), how):
        assert words in found["message"]
    assert found["sockets"] == []
    row(17, f"an error at once ({how})", f"{found['seconds'] * 1000:.0f} ms, 0 sockets")


def test_read_only_cache(tmp_path: Path, vector: list[float], row: Row) -> None:
    """The cache is read-only: complete, and incomplete."""
    cache = tmp_path / "cache"
    with FakeHub({NAME: TINY, "someone/else": TINY}) as hub:
        load(hub.url, cache, model_name=NAME)
        for path in [cache, *cache.rglob("*")]:
            if not path.is_symlink():
                path.chmod(0o555 if path.is_dir() else 0o444)
        environment = {
            "RAPIDEMBED_CACHE_DIR": str(cache / "graphs"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": "/nonexistent",
        }
        found = start(hub.url, cache, environment, unprivileged=True, watch=True, model_name=NAME)
        refused = start(hub.url, cache, environment, unprivileged=True, model_name="someone/else")
        for path in [cache, *cache.rglob("*")]:
            if path.is_dir():
                path.chmod(0o755)
    assert right(found, vector), found
    tried = [write for write in found["writes"] if "graphs" not in write]
    assert found["sockets"] == tried == []
    assert refused["error"] == "DownloadError", refused
    assert "cannot be stored in the cache" in refused["message"]
    assert "cache_dir=, or HF_HUB_CACHE" in refused["message"]
    row(30, "complete: loads", f"{len(tried)} writes tried")
    row(30, "incomplete: an error that names the cache and the ways out", f"{refused['seconds']:.1f} s")
