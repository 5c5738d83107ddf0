"""Which files of a cache are damaged, and what becomes of them; whole starts are in faults/."""

import hashlib
import os
from pathlib import Path

import pytest
from rapidembed import IntegrityError
from rapidembed.hub import HubOptions, announced_sha256, mend, mended
from rapidembed.hub.mend import damaged_files

ERROR = IntegrityError("the model cannot be read")
ONLINE = HubOptions()


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    """Of three files: one under its sha256, one under git's hash, one that some mirror names in a way of its own."""
    (tmp_path / "blobs").mkdir()
    folder = tmp_path / "snapshots" / "main"
    folder.mkdir(parents=True)
    for name, content, blob in (
        ("weights", b"numbers", hashlib.sha256(b"numbers").hexdigest()),
        ("config", b"{}", hashlib.sha1(b"blob 2\0{}").hexdigest()),
        ("readme", b"words", "etag-7"),
    ):
        (tmp_path / "blobs" / blob).write_bytes(content)
        (folder / name).symlink_to(Path("..", "..", "blobs", blob))
    return folder


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("weights", b"numbert", "its sha256 is"),
        ("weights", b"", "; it is empty"),
        ("config", b"  <!DOCTYPE HTML><p>Log in", "; it looks like an HTML page"),
        ("config", b"<html>", "; it looks like an HTML page"),
        ("config", b"{", "its git hash is"),
    ],
)
def test_a_damaged_file_is_removed_with_its_blob(snapshot: Path, name: str, content: bytes, said: str) -> None:
    blob = (snapshot / name).resolve()
    blob.write_bytes(content)
    ((path, wrong),) = damaged_files(snapshot).items()
    assert path == snapshot / name
    assert said in wrong
    assert ("; it " in wrong) == ("; it " in said)
    mend(snapshot, ERROR, ONLINE)
    assert not blob.exists()
    assert sorted(os.listdir(snapshot)) == sorted({"weights", "config", "readme"} - {name})
    assert damaged_files(snapshot) == {}


def test_a_blob_that_is_gone_takes_its_link_along(snapshot: Path) -> None:
    (snapshot / "weights").resolve().unlink()
    assert damaged_files(snapshot) == {snapshot / "weights": "the file it links to is gone"}
    mend(snapshot, ERROR, ONLINE)
    assert not (snapshot / "weights").is_symlink()


def test_what_has_no_known_hash_is_left_alone(snapshot: Path) -> None:
    (snapshot / "readme").resolve().write_bytes(b"other words")
    (snapshot / "own").write_bytes(b"no link")
    (snapshot / "elsewhere").symlink_to(snapshot / "own")
    assert damaged_files(snapshot) == {}


def test_a_sha256_that_was_announced_is_known_without_reading(snapshot: Path) -> None:
    (snapshot / "weights").resolve().write_bytes(b"whatever")
    found = {path.name: announced_sha256(path) for path in (*snapshot.iterdir(), snapshot)}
    assert found == {"weights": hashlib.sha256(b"numbers").hexdigest(), "config": None, "readme": None, "main": None}


def test_the_plain_sha1_of_some_mirrors_is_taken_too(snapshot: Path) -> None:
    blob = snapshot.parents[1] / "blobs" / hashlib.sha1(b"[]").hexdigest()
    blob.write_bytes(b"[]")
    (snapshot / "vocabulary").symlink_to(Path("..", "..", "blobs", blob.name))
    assert damaged_files(snapshot) == {}


def test_without_damage_the_error_stays(snapshot: Path) -> None:
    for place in (snapshot, None):
        with pytest.raises(IntegrityError) as caught:
            mend(place, ERROR, ONLINE)
        assert caught.value is ERROR


def test_offline_nothing_is_removed(snapshot: Path) -> None:
    (snapshot / "weights").resolve().write_bytes(b"x")
    with pytest.raises(IntegrityError, match=r"Damaged in the cache: .*weights .*Load the model once where") as caught:
        mend(snapshot, ERROR, HubOptions(local_files_only=True))
    assert caught.value.__cause__ is ERROR
    assert (snapshot / "weights").read_bytes() == b"x"


def test_a_cache_that_cannot_be_written_is_named(snapshot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (snapshot / "weights").resolve().write_bytes(b"x")

    def refuse(path: Path) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(IntegrityError, match=r"which cannot be written: .*weights") as caught:
        mend(snapshot, ERROR, ONLINE)
    assert isinstance(caught.value.__cause__, PermissionError)


def test_work_is_done_once_more(snapshot: Path) -> None:
    tries: list[int] = []

    def work() -> str:
        tries.append(1)
        if damaged_files(snapshot):
            raise ERROR
        return "done"

    assert mended(work, lambda: snapshot, ONLINE) == "done"
    assert len(tries) == 1
    (snapshot / "weights").resolve().write_bytes(b"x")
    assert mended(work, lambda: snapshot, ONLINE) == "done"
    assert len(tries) == 3
