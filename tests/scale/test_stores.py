"""The examples that stream a corpus into a database: killed and run again, nothing is lost and nothing is twice."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from rapidembed import TextEmbedding

pytestmark = pytest.mark.scale
pytest.importorskip("ray.data")

EXAMPLES = Path(__file__).parents[2] / "examples"
MODEL = "builtin:static-en"
TEXTS, SHARD = 3000, 100


def start(example: str, folder: Path, query: str = "print") -> subprocess.Popen:
    options = {"folder": folder, "model": MODEL, "texts": TEXTS, "shard": SHARD, "workers": 1, "query": query}
    command = [sys.executable, EXAMPLES / f"{example}.py", *(f"--{name}={value}" for name, value in options.items())]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def kill_midway(example: str, folder: Path) -> int:
    """Kill a run when some shards are in its journal; how many are."""
    journal = folder / "journal.txt"

    def finished() -> int:
        return journal.read_text(encoding="utf-8").count("\n") if journal.exists() else 0

    with start(example, folder) as running:
        try:
            while finished() < 2:
                assert running.poll() is None, running.stderr.read()
                time.sleep(0.02)
        finally:
            running.kill()
        running.communicate()
    return finished()


def finish(example: str, folder: Path, query: str = "print") -> str:
    with start(example, folder, query) as running:
        try:
            printed, errors = running.communicate()
        finally:
            running.kill()
    assert running.returncode == 0, errors
    return printed


def in_qdrant(folder: Path) -> dict[str, list[float]]:
    from qdrant_client import QdrantClient

    client = QdrantClient(path=str(folder / "qdrant"))
    points, _ = client.scroll("documentation", limit=2 * TEXTS, with_vectors=True)
    client.close()
    found = {point.payload["name"]: (point.payload["text"], point.vector) for point in points}
    assert len(found) == len(points)
    return found


def in_lancedb(folder: Path) -> dict[str, list[float]]:
    import lancedb

    rows = lancedb.connect(folder / "lancedb").open_table("documentation").to_arrow().to_pylist()
    found = {row["name"]: (row["text"], row["embedding"]) for row in rows}
    assert len(found) == len(rows)
    return found


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("example", "stored"), [("ray_to_qdrant", in_qdrant), ("ray_to_lancedb", in_lancedb)])
def test_a_run_that_is_killed_goes_on_and_ends_complete(example: str, stored, tmp_path: Path) -> None:
    pytest.importorskip("qdrant_client" if stored is in_qdrant else "lancedb")
    finished = kill_midway(example, tmp_path)
    printed = finish(example, tmp_path)
    assert 0 < finished < TEXTS / SHARD, "it was done before it could be killed"
    assert f"{TEXTS - finished * SHARD} texts embedded now, {TEXTS} vectors stored" in printed
    found = stored(tmp_path)
    texts, vectors = zip(*found.values(), strict=True)
    expected = TextEmbedding(MODEL).encode_document(texts)
    # Qdrant scales vectors to length 1 once more.
    assert np.abs(np.asarray(vectors, np.float32) - expected).max() < (1e-6 if stored is in_qdrant else 0) + 1e-12
    name, text = next((name, text) for name, (text, _) in found.items() if texts.count(text) == 1)
    assert finish(example, tmp_path, text) == f"0 texts embedded now, {TEXTS} vectors stored\n{text}: {name}\n"
