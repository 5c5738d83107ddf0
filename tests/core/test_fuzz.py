"""The fuzzer itself, on a few seeds; ``make fuzz`` runs it for an hour."""

import random
from pathlib import Path

import pytest

from tests.fuzz import attempt as module
from tests.fuzz.attempt import attempt
from tests.fuzz.changes import CHANGES
from tests.fuzz.files import change_json
from tests.fuzz.models import BASES, Base


@pytest.fixture(autouse=True)
def where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # also back, at the end


@pytest.mark.parametrize("seed", range(16))
def test_a_hostile_folder_gives_vectors_or_an_error_of_ours(tmp_path: Path, seed: int) -> None:
    outcome = attempt(seed, tmp_path)
    assert outcome.wrong == "", outcome


@pytest.mark.filterwarnings("ignore::rapidembed.TruncationWarning")
@pytest.mark.parametrize("name", ["adapter", "torch", "onnx", "hybrid legacy", "clip texts"])
def test_models_are_good_before_they_are_spoiled(tmp_path: Path, name: str) -> None:
    BASES[name].make(tmp_path / "model")
    BASES[name].use(tmp_path / "model")


def _peek(folder: Path) -> None:
    (folder.parent / "outside" / "config.json").read_bytes()


def _write(folder: Path) -> None:
    (folder / "new").touch()


@pytest.mark.parametrize(
    ("misdeed", "says"),
    [
        (_peek, "touched what is not its own"),
        (_write, "touched what is not its own"),
        (lambda folder: {}["x"], "bare KeyError"),
        (lambda folder: int("x"), "bare ValueError"),
        (lambda folder: [[]] < [{}], "bare TypeError"),
    ],
)
def test_misdeeds_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, misdeed: object, says: str) -> None:
    class Bad(Base):
        def use(self, folder: Path) -> None:
            misdeed(folder)

    monkeypatch.setattr(module, "BASES", {"bad": Bad(BASES["mean"].make)})
    monkeypatch.setattr(module, "CHANGES", ((lambda *_: None, 1),))
    monkeypatch.setattr(module, "_FOLDERS", 1.0)
    assert attempt(1, tmp_path).wrong == says


def test_a_seed_is_one_folder(tmp_path: Path) -> None:
    found = []
    for name in ("one", "two"):
        BASES["mean"].make(tmp_path / name)
        choose = random.Random(5)
        for _ in range(20):
            change_json(tmp_path / name, tmp_path, choose)
        found.append({str(p.relative_to(tmp_path / name)): p.read_bytes() for p in (tmp_path / name).rglob("*.json")})
    assert found[0] == found[1]
    assert all(weight > 0 for _, weight in CHANGES)
