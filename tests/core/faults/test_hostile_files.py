"""Repositories whose files name others outside, and ONNX files that keep their data elsewhere."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from rapidembed import IntegrityError
from rapidembed.hub.files import check_name
from rapidembed.hub.onnx_file import check_external, read_onnx

from tests.fakes.hub import FakeHub
from tests.fakes.onnx_models import write_hidden_states
from tests.fakes.process import start
from tests.fakes.tiny import NAME, TINY, WEIGHTS, Row

HOSTILE_NAMES = ["../x", "/etc/passwd", "a/../../x", "a\0b", "x" * 300, "C:\\x", "a\\..\\x", "a\nb", ""]


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=repr)
def test_hostile_names_are_refused(name: str) -> None:
    with pytest.raises(IntegrityError, match="not a plain path"):
        check_name(name, "a repository")


@pytest.mark.parametrize("where", ["modules.json", "model.safetensors.index.json"])
def test_hostile_names(cache: Path, tmp_path: Path, row: Row, where: str) -> None:
    """A repository names files outside itself."""
    repo, outside = tmp_path / "repo", tmp_path / "x"
    shutil.copytree(TINY, repo)
    if where == "modules.json":
        text = (repo / where).read_text().replace('"1_Pooling"', '"../../../../x"')
    else:
        (repo / WEIGHTS).unlink()
        text = '{"weight_map": {"a": "../../../../x"}}'
    (repo / where).write_text(text)
    with FakeHub({NAME: repo}) as hub:
        found = start(hub.url, cache, model_name=NAME)
    assert found["error"] == "IntegrityError"
    assert "'../../../../x', which is not a plain path below it; refused" in found["message"]
    assert not outside.exists()
    assert not any(".." in request for request in hub.requests)
    row(26, f"refused ({where}; {len(HOSTILE_NAMES)} kinds of names)", "0 files outside")


def external(tmp_path: Path, location: str = "data", offset: int = 0, length: int | None = None) -> Path:
    path = tmp_path / "model" / "model.onnx"
    path.parent.mkdir()
    write_hidden_states(path, location, offset, length)
    return path


def test_external_data(tmp_path: Path, row: Row) -> None:
    """An ONNX file keeps its data outside the model."""
    (tmp_path / "secret").write_bytes(b"s" * 4096)
    cases = {
        "../secret": {"location": "../secret"},
        "an absolute path": {"location": str(tmp_path / "secret")},
        "a link that leads out": {"location": "linked/secret"},
        "a negative offset": {"offset": -8},
        "a huge length": {"length": 2**40},
        "a missing file": {"location": "nowhere"},
    }
    refused = []
    for i, (name, options) in enumerate(cases.items()):
        folder = tmp_path / str(i)
        folder.mkdir()
        path = external(folder, **options)
        (path.parent / "data").write_bytes(b"\0" * 4096)
        (path.parent / "linked").symlink_to(tmp_path)
        with pytest.raises(IntegrityError):
            check_external(path, path.parent)
        refused.append(name)
    row(27, f"refused before ONNX Runtime opens it: {', '.join(refused)}", f"{len(refused)}/{len(cases)}")


def test_broken_onnx_files_are_never_taken(tmp_path: Path) -> None:
    path = external(tmp_path)
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        os.utime(path, ns=(length, length))
        try:
            found = read_onnx(path)
        except IntegrityError:
            continue
        assert found.files in ([], ["data"])  # cut between two fields


def test_legal_external_data(cache: Path, tmp_path: Path, row: Row) -> None:
    """An ONNX file keeps its data beside it, and both are links of the cache."""
    repo = tmp_path / "repo"
    (repo / "onnx").mkdir(parents=True)
    for file in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(TINY / file, repo)
    config = (repo / "config.json").read_text().replace('"model_type": "bert"', '"model_type": "other"')
    (repo / "config.json").write_text(config)
    write_hidden_states(repo / "onnx/model.onnx", "model.onnx_data", 0, None)
    (repo / "onnx/model.onnx_data").write_bytes(np.ones(32 * 256, dtype=np.float32).tobytes())
    with FakeHub({NAME: repo}) as hub:
        found = start(hub.url, cache, model_name=NAME, pooling="mean")
    assert found.get("weights") == "model.onnx", found
    data = next(cache.glob("models--*/snapshots/*/onnx/model.onnx_data"))
    assert data.is_symlink()
    import onnxruntime

    row(28, "loads", f"onnxruntime {onnxruntime.__version__}")
