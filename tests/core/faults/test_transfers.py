"""Transfers that break off, arrive damaged, or are killed with their process."""

import hashlib
import os
import random
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from rapidembed.hub.content import damage

from tests.fakes.hub import FakeHub, Fault
from tests.fakes.process import spawn, start
from tests.fakes.tiny import NAME, SIZE, TINY, WEIGHTS, Row, gets, partial_files, right


def test_body_cut_once(cache: Path, vector: list[float], row: Row) -> None:
    """A body is cut off halfway, once."""
    with FakeHub({NAME: TINY}, faults=[Fault(WEIGHTS, times=1, cut=0.5)]) as hub:
        assert right(start(hub.url, cache, model_name=NAME), vector)
    extra = hub.sent[WEIGHTS] - SIZE
    row(1, "resumed from the last 10 MB, or begun anew", f"{extra} of {SIZE} bytes fetched twice")
    assert extra < SIZE


@pytest.mark.slow
def test_body_always_cut(cache: Path, row: Row) -> None:
    """A body is cut off every time."""
    with FakeHub({NAME: TINY}, faults=[Fault(WEIGHTS, cut=0.0)]) as hub:
        found = start(hub.url, cache, model_name=NAME)
    assert found["error"] == "DownloadError"
    assert f"the transfer of '{WEIGHTS}' broke off, again and again" in found["message"]
    assert partial_files(cache) == []
    assert not list(cache.glob(f"models--*/snapshots/*/{WEIGHTS}"))
    row(2, "an error, nothing partial left", f"{found['seconds']:.0f} s, {len(partial_files(cache))} files left")


def flip(data: bytes) -> bytes:
    return data[:50_000] + bytes([data[50_000] ^ 1]) + data[50_001:]


def test_flipped_bit(cache: Path, vector: list[float], row: Row) -> None:
    """One bit of a body is flipped: once, and every time."""
    with FakeHub({NAME: TINY}, faults=[Fault(WEIGHTS, times=1, change=flip)]) as hub:
        assert right(start(hub.url, cache, model_name=NAME), vector)
        assert gets(hub, WEIGHTS) == 2
    with FakeHub({NAME: TINY}, faults=[Fault(WEIGHTS, change=flip)]) as hub:
        found = start(hub.url, cache.with_name("other"), model_name=NAME)
        assert gets(hub, WEIGHTS) == 2
    assert found["error"] == "IntegrityError"
    for words in (
        f"'{WEIGHTS}' arrived damaged twice",
        "its sha256 is",
        "the hub announced",
        str(cache.with_name("other")),
    ):
        assert words in found["message"]
    assert not list(cache.with_name("other").glob(f"models--*/snapshots/*/{WEIGHTS}"))
    row(3, "fetched once more, then an error that names the file", f"detected {detected_flips()}/100")


def detected_flips() -> int:
    """Of 100 random flips, those that the check of arrived files sees, in large files and in small ones."""
    choose = random.Random(3)
    data = (TINY / WEIGHTS).read_bytes()
    hashes = hashlib.sha256(data).hexdigest(), hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()
    path = Path(os.environ["RAPIDEMBED_CACHE_DIR"]) / "flipped"
    found = 0
    for i in range(100):
        at, bit = choose.randrange(len(data)), choose.randrange(8)
        path.write_bytes(data[:at] + bytes([data[at] ^ (1 << bit)]) + data[at + 1 :])
        found += damage(path, hashes[i % 2]) is not None
    path.write_bytes(data)
    assert damage(path, hashes[0]) is damage(path, hashes[1]) is damage(path, hashlib.sha1(data).hexdigest()) is None
    assert damage(path, "an-etag-of-a-mirror") is None
    return found


def test_endless_body(cache: Path, row: Row) -> None:
    """A body does not end where it was announced to."""
    with FakeHub({NAME: TINY}, faults=[Fault(WEIGHTS, endless=True)]) as hub:
        found = start(hub.url, cache, model_name=NAME)
    assert found["error"] == "DownloadError"
    assert "of announced" in found["message"]
    assert partial_files(cache) == []
    tries = gets(hub, WEIGHTS)
    over = hub.sent[WEIGHTS] / tries - SIZE
    row(4, "stopped, nothing left", f"at most {over / 1e6:.0f} MB taken beyond the announced length (one buffer)")
    assert over < 40e6


def test_range_ignored(cache: Path, vector: list[float], row: Row) -> None:
    """The rest of a body is asked for, and the whole comes."""
    faults = [Fault(WEIGHTS, times=1, cut=0.5), Fault(WEIGHTS, ignore_range=True)]
    with FakeHub({NAME: TINY}, faults=faults) as hub:
        assert right(start(hub.url, cache, model_name=NAME), vector)
    row(5, "begun anew", "right")


def kill_at(hub: FakeHub, process: subprocess.Popen[str], moment: Callable[[FakeHub], bool]) -> None:
    done = threading.Event()

    def watch(hub: FakeHub) -> None:
        if not done.is_set() and moment(hub):
            done.set()
            process.kill()

    hub.watch = watch
    process.wait(60)
    for pipe in (process.stdout, process.stderr):
        pipe.close()


def killed_then_right(folder: Path, vector: list[float], moments: list[Callable[[FakeHub], bool]]) -> int:
    survived = 0
    for i, moment in enumerate(moments):
        with FakeHub({NAME: TINY}) as hub:
            kill_at(hub, spawn(hub.url, folder / str(i), model_name=NAME), moment)
            hub.watch = lambda _: None
            survived += right(start(hub.url, folder / str(i), model_name=NAME), vector)
        shutil.rmtree(folder / str(i))
    return survived


@pytest.mark.parametrize("count", [1, pytest.param(50, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_killed_in_a_transfer(tmp_path: Path, vector: list[float], row: Row, count: int) -> None:
    """The process is killed at a random byte of a transfer."""
    choose = random.Random(6)
    marks = [choose.randrange(SIZE) for _ in range(count)]
    moments = [lambda hub, mark=mark: sum(hub.sent.values()) > mark for mark in marks]
    survived = killed_then_right(tmp_path, vector, moments)
    row(6, "the next start succeeds", f"{survived}/{count}")
    assert survived == count


@pytest.mark.parametrize("count", [1, pytest.param(50, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_killed_between_files(tmp_path: Path, vector: list[float], row: Row, count: int) -> None:
    """The process is killed between two requests."""
    choose = random.Random(7)
    marks = [choose.randrange(2, 20) for _ in range(count)]
    moments = [lambda hub, mark=mark: len(hub.requests) >= mark for mark in marks]
    survived = killed_then_right(tmp_path, vector, moments)
    row(7, "the next start succeeds", f"{survived}/{count}")
    assert survived == count
