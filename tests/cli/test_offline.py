"""What ``docs/air-gapped.md`` and ``docs/serverless.md`` say to do, done."""

import json
import shutil
import tarfile
from functools import partial
from pathlib import Path

import pytest

from tests.cli.conftest import NAME, Program, environment, run_program
from tests.fakes.hub import FakeHub

FOLDER = f"models--{NAME.replace('/', '--')}"


def vector(program: Program, *words: str, **variables: str) -> list[float]:
    done = program("embed", "--text", "hello world", *words, environment=variables)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["embedding"]


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file and folder with its size and time of change."""
    states = {str(path.relative_to(folder)): path.lstat() for path in folder.rglob("*")}
    return {name: (state.st_size, state.st_mtime_ns) for name, state in states.items()}


@pytest.fixture(scope="module")
def pulled(curated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder to copy, made where there is a hub; the hub is gone afterwards."""
    away = tmp_path_factory.mktemp("pulled")
    with FakeHub({NAME: curated}) as hub:
        there = {**environment(hub, away / "unused"), "RAPIDEMBED_CACHE_DIR": str(away / "transfer" / "built")}
        done = run_program("pull", NAME, "--cache-dir", "transfer/hub", environment=there, cwd=away)
        assert done.returncode == 0, done.stderr
    assert not (away / "unused").exists()
    assert {"blobs", "snapshots", "refs", ".no_exist"} == {p.name for p in (away / "transfer/hub" / FOLDER).iterdir()}
    return away / "transfer"


@pytest.fixture(scope="module")
def expected(pulled: Path) -> list[float]:
    """The vector where it was pulled."""
    return vector(partial(run_program, cwd=pulled.parent), "-m", NAME, HF_HUB_CACHE=str(pulled / "hub"))


@pytest.fixture
def transfer(pulled: Path, tmp_path: Path) -> Path:
    """What was pulled, in another place."""
    return Path(shutil.copytree(pulled, tmp_path / "transfer", symlinks=True))


def test_copied_with_its_links(program: Program, transfer: Path, expected: list[float], tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "transfer.tar", "w") as archive:
        archive.add(transfer, "transfer")
    away = tmp_path / "away"
    with tarfile.open(tmp_path / "transfer.tar") as archive:
        archive.extractall(away, filter="data")
    shutil.rmtree(transfer)
    here = {"HF_HUB_CACHE": str(away / "transfer" / "hub"), "HF_HUB_OFFLINE": "1"}
    assert vector(program, "-m", NAME, **here) == expected
    assert "on this machine" in program("info", NAME, environment=here).stdout
    shutil.rmtree(away / "transfer" / "hub" / FOLDER / "blobs")
    missing = program("embed", "--text", "x", "-m", NAME, environment=here)
    assert missing.returncode == 1
    assert "HF_HUB_OFFLINE forbids asking the hub" in missing.stderr


def test_copied_without_links(program: Program, transfer: Path, expected: list[float], tmp_path: Path) -> None:
    shutil.copytree(transfer / "hub", tmp_path / "plain", symlinks=False)
    shutil.rmtree(tmp_path / "plain" / FOLDER / "blobs")
    shutil.rmtree(transfer)
    assert not any(path.is_symlink() for path in (tmp_path / "plain").rglob("*"))
    assert vector(program, "-m", NAME, HF_HUB_CACHE=str(tmp_path / "plain"), HF_HUB_OFFLINE="1") == expected


def test_copied_as_a_folder(program: Program, transfer: Path, expected: list[float], tmp_path: Path) -> None:
    (snapshot,) = (transfer / "hub" / FOLDER / "snapshots").iterdir()
    shutil.copytree(snapshot, tmp_path / "bge-small")
    shutil.rmtree(transfer)
    assert vector(program, "-m", "./bge-small", HF_HUB_OFFLINE="1") == expected


def test_an_image_starts_without_writing_or_asking(program: Program, transfer: Path) -> None:
    """As in the image: both caches filled by pull, then only read. Any connection would be an error."""
    here = {
        "HF_HUB_CACHE": str(transfer / "hub"),
        "RAPIDEMBED_CACHE_DIR": str(transfer / "built"),
        "HF_HUB_OFFLINE": "1",
        "HF_ENDPOINT": "http://127.0.0.1:9",
    }
    before = listing(transfer)
    assert len([name for name in before if name.endswith(".graph")]) == 1
    assert len(vector(program, "-m", NAME, **here)) == 384
    assert listing(transfer) == before


def test_a_cache_that_cannot_be_written_costs_a_warning(program: Program, transfer: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    here = {"HF_HUB_CACHE": str(transfer / "hub"), "RAPIDEMBED_CACHE_DIR": str(tmp_path / "file" / "below")}
    done = program("embed", "--text", "x", "-m", NAME, environment=here)
    assert done.returncode == 0
    assert len(json.loads(done.stdout)["embedding"]) == 384
    assert done.stderr.count("Warning: The graph cache cannot be written") == 1
