"""Killed anywhere and run again: nothing lost, nothing twice."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from rapidembed import TextEmbedding

from tests.scale.workers import workers_here

ROOT = Path(__file__).parents[2]
MODEL = "builtin:static-en"
FILES, ROWS = 8, 20_000

_ALONE = """
import sys
from pathlib import Path
from rapidembed import EmbedColumn, TextEmbedding, embed_shard

embed = EmbedColumn(TextEmbedding("builtin:static-en", lazy_load=True), "text")
for source in sorted(Path("corpus").glob("*.parquet")):
    embed_shard(embed, source, Path("vectors", source.name))
"""
_ON_RAY = """
import sys
from pathlib import Path
import ray
from rapidembed_ray import embed_shards

ray.init(address=sys.argv[1], log_to_driver=False)
embed_shards(sorted(Path("corpus").glob("*.parquet")), "vectors", "builtin:static-en", "text", workers=2)
"""


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("corpus").mkdir()
    for number in range(FILES):
        numbers = range(number * ROWS, (number + 1) * ROWS)
        table = pa.table({"id": numbers, "text": [f"text {n} of {n % 977} words" for n in numbers]})
        pyarrow.parquet.write_table(table, f"corpus/{number}.parquet")


def start(script: str, *arguments: str) -> subprocess.Popen:
    roots = [ROOT / "core", ROOT / "integrations" / "ray"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, roots))}
    return subprocess.Popen([sys.executable, "-W", "ignore", "-c", script, *arguments], env=environment)


def done() -> list[Path]:
    return sorted(Path("vectors").glob("*.parquet"))


def kill_after(process: subprocess.Popen, files: int, seconds: float) -> None:
    """Kill it some time after so many files are there."""
    deadline = time.monotonic() + 120
    while len(done()) < files and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(seconds)
    process.kill()
    process.wait()


def check(finished: set[tuple[str, int]]) -> None:
    """Every row is there once, with its vector; what was finished before was not done again."""
    assert finished <= {(path.name, path.stat().st_mtime_ns) for path in done()}
    table = pyarrow.parquet.read_table(done())
    numbers = table["id"].to_numpy()
    assert sorted(numbers) == list(range(FILES * ROWS))
    vectors = table["embedding"].combine_chunks().flatten().to_numpy().reshape(len(numbers), -1)
    expected = TextEmbedding(MODEL, threads=1).encode_document([f"text {n} of {n % 977} words" for n in numbers[::997]])
    np.testing.assert_array_equal(vectors[::997], expected)


def finished() -> set[tuple[str, int]]:
    return {(path.name, path.stat().st_mtime_ns) for path in done()}


@pytest.mark.usefixtures("corpus")
def test_a_process_that_is_killed_again_and_again():
    for files, seconds in ((0, 0.3), (1, 0.0), (2, 0.05), (4, 0.1)):
        kill_after(start(_ALONE), files, seconds)
    before = finished()
    assert 0 < len(before) < FILES
    assert start(_ALONE).wait() == 0
    check(before)


@pytest.mark.usefixtures("corpus")
def test_drivers_and_workers_that_are_killed(ray):
    address = ray.get_runtime_context().gcs_address
    kill_after(start(_ON_RAY, address), 1, 0.05)
    before = finished()
    assert 0 < len(before) < FILES
    process = start(_ON_RAY, address)
    while len(done()) == len(before) and process.poll() is None:
        time.sleep(0.01)
    os.kill(workers_here("ray::MapWorker")[0].pid, signal.SIGKILL)
    assert process.wait(240) == 0
    check(before)
