"""Models of the user's own: by keyword, by spec, by an installed package."""

import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from rapidembed import ModelNotFoundError, ModelSpec, OnnxSource, TextEmbedding

from tests.fakes.here import load
from tests.fakes.hub import FakeHub
from tests.fakes.onnx_models import write_hidden_states

TINY = Path(__file__).parents[1] / "golden" / "base"
SPEC = ModelSpec(name="my/model", dim=32, pooling=("cls",), normalize=True, source="someone/tiny")


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    """Every test starts without added models."""
    yield
    for row in TextEmbedding.list_supported_models():
        if row["model"].startswith("my/"):
            TextEmbedding.remove_custom_model(row["model"])


class PoolingType(StrEnum):
    """Fastembed's names."""

    MEAN = "MEAN"
    LAST_TOKEN = "LAST_TOKEN"


def test_added_by_spec() -> None:
    TextEmbedding.add_custom_model(SPEC)
    TextEmbedding.add_custom_model(SPEC)  # the same facts again are no other model
    assert TextEmbedding.get_embedding_size("My/Model") == 32
    assert "my/model" in [row["model"] for row in TextEmbedding.list_supported_models()]
    model = TextEmbedding("my/model", specific_model_path=TINY)
    expected = TextEmbedding(TINY, normalize=True)
    assert model.info.pooling == ("cls",)  # what was said wins over what the files say
    assert not np.allclose(model.encode("hello world"), expected.encode("hello world"), atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(model.encode("hello world")), 1, atol=1e-6)


@pytest.mark.parametrize(
    "sources", ["someone/tiny", {"hf": "someone/tiny"}, SimpleNamespace(hf="someone/tiny", url=None)]
)
@pytest.mark.parametrize(
    ("pooling", "mode"),
    [
        ("mean", ("mean",)),
        (PoolingType.LAST_TOKEN, ("lasttoken",)),
        ("disabled", ("none",)),
        (["cls", "max"], ("cls", "max")),
    ],
)
def test_added_by_fastembeds_keywords(sources: object, pooling: str, mode: tuple[str, ...]) -> None:
    TextEmbedding.add_custom_model(
        model="my/model",
        pooling=pooling,
        normalization=False,
        sources=sources,
        dim=32 * len(mode),
        license="mit",
        size_in_gb=0.1,
    )
    if mode != ("none",):
        model = TextEmbedding("my/model", specific_model_path=TINY)
        assert (model.info.pooling, model.info.normalize) == (mode, False)
        assert model.encode(["a", "b"]).shape == (2, 32 * len(mode))
    (row,) = [row for row in TextEmbedding.list_supported_models() if row["model"] == "my/model"]
    assert (row["license"], row["size_in_GB"], row["sources"]["hf"]) == ("mit", 0.1, "someone/tiny")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": ""}, "model must be a non-empty str"),
        ({"pooling": "median"}, "pooling must be of cls, max"),
        ({"dim": 0}, "dim must be a positive integer"),
        ({"sources": None}, "sources must name a hub repository"),
        ({"sources": {"url": "https://x.y/z.tar.gz"}}, "sources must name a hub repository"),
        ({"additional_files": ["model.onnx_data"]}, "additional_files belong to a model_file"),
        ({"max_tokens": -1}, "max_tokens must be a positive integer"),
        ({"model": "BAAI/bge-small-en-v1.5"}, "is a curated model; choose another name"),
    ],
)
def test_impossible_values(change: dict[str, object], message: str) -> None:
    values = {"model": "my/model", "pooling": "mean", "normalization": True, "sources": "a/b", "dim": 32} | change
    with pytest.raises(ValueError, match=message):
        TextEmbedding.add_custom_model(**values)


def test_a_name_is_one_model() -> None:
    TextEmbedding.add_custom_model(SPEC)
    with pytest.raises(ValueError, match="'my/model' is registered already, with other facts"):
        TextEmbedding.add_custom_model("my/model", "mean", True, "someone/tiny", 32)
    TextEmbedding.remove_custom_model("MY/model")
    TextEmbedding.add_custom_model("my/model", "mean", True, "someone/tiny", 32)
    with pytest.raises(ValueError, match="No model 'my/other' was added"):
        TextEmbedding.remove_custom_model("my/other")
    with pytest.raises(TypeError, match="A ModelSpec says everything"):
        TextEmbedding.add_custom_model(SPEC, pooling="mean")
    with pytest.raises(TypeError, match="model_path"):
        TextEmbedding.add_custom_model("my/third", "mean", True, "a/b", 32, model_path="x")


def test_a_removed_model_is_unknown_and_its_objects_go_on() -> None:
    TextEmbedding.add_custom_model(SPEC)
    model = TextEmbedding("my/model", specific_model_path=TINY)
    TextEmbedding.remove_custom_model("my/model")
    assert model.encode("x").shape == (32,)
    with pytest.raises(ModelNotFoundError, match="No model 'my/model' is known by name"):
        TextEmbedding.get_embedding_size("my/model")


_UNPICKLE = """
import pickle, sys
model = pickle.load(open(sys.argv[1], "rb"))
print(model.encode("hello world").tolist())
"""


def test_added_models_travel_in_pickles(tmp_path: Path) -> None:
    TextEmbedding.add_custom_model(SPEC)
    model = TextEmbedding("my/model", specific_model_path=TINY)
    (tmp_path / "model.pickle").write_bytes(pickle.dumps(model))
    command = [sys.executable, "-c", _UNPICKLE, str(tmp_path / "model.pickle")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(json.loads(done.stdout), model.encode("hello world"), atol=1e-6)


def test_added_models_are_downloaded(tmp_path: Path) -> None:
    TextEmbedding.add_custom_model("my/model", "mean", False, "someone/tiny", 32)
    with FakeHub({"someone/tiny": TINY}) as hub:
        found = load(hub.url, tmp_path / "cache", model_name="my/model")
    np.testing.assert_allclose(found["vector"], TextEmbedding(TINY).encode("hello world"), atol=1e-6)


def test_an_added_onnx_file_with_data_beside_it(tmp_path: Path) -> None:
    """The table's row i is i, 32 times: a mean over token ids, worked out by the tokenizer alone."""
    repo = tmp_path / "repo"
    repo.mkdir()
    for file in ("config.json", "tokenizer.json"):
        shutil.copy(TINY / file, repo)
    write_hidden_states(repo / "mine.onnx", "mine.data", 0, None)
    (repo / "mine.data").write_bytes(np.repeat(np.arange(256, dtype=np.float32), 32).tobytes())
    files = {"model_file": "mine.onnx", "additional_files": ["mine.data"]}
    TextEmbedding.add_custom_model("my/model", "mean", False, "a/b", 32, **files)
    with FakeHub({"a/b": repo}) as hub:
        found = load(hub.url, tmp_path / "cache", model_name="my/model")
    assert found.get("weights") == "mine.onnx", found
    ids = TextEmbedding(TINY)._loaded().engine.tokenizer.encode(["hello world"], 64)[0].ids
    np.testing.assert_allclose(found["vector"], [np.mean(ids)] * 32, rtol=1e-6)


def test_the_export_stands_in_for_weights_that_no_graph_can_be_built_for(tmp_path: Path) -> None:
    """The authors changed their files in a way that is not known: what ran before still does, and the log says so."""
    original, export = tmp_path / "original", tmp_path / "export"
    shutil.copytree(TINY, original)
    config = json.loads((original / "config.json").read_text())
    (original / "config.json").write_text(json.dumps(config | {"position_embedding_type": "relative_key"}))
    export.mkdir()
    for file in ("config.json", "tokenizer.json"):
        shutil.copy(TINY / file, export)
    write_hidden_states(export / "model.onnx", "model.data", 0, None)
    (export / "model.data").write_bytes(np.repeat(np.arange(256, dtype=np.float32), 32).tobytes())
    onnx = OnnxSource(repo="the/export", file="model.onnx", additional_files=("model.data",))
    TextEmbedding.add_custom_model(
        ModelSpec(name="my/model", dim=32, pooling=("mean",), architecture="bert", source="a/b", onnx_source=onnx)
    )
    with FakeHub({"a/b": original, "the/export": export}) as hub:
        found = load(hub.url, tmp_path / "cache", model_name="my/model")
    assert found.get("weights") == "model.onnx", found
    ids = TextEmbedding(TINY)._loaded().engine.tokenizer.encode(["hello world"], 64)[0].ids
    np.testing.assert_allclose(found["vector"], [np.mean(ids)] * 32, rtol=1e-6)


# Entry points: a real package, made here, installed beside the others


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Folder with a package that registers two models, as pip would lay it out."""
    site = tmp_path / "site"
    (site / "my_models").mkdir(parents=True)
    (site / "my_models" / "__init__.py").write_text(
        "from rapidembed import ModelSpec\n"
        'COMMON = {"dim": 32, "pooling": ("cls",), "normalize": True, "source": "someone/tiny"}\n'
        'ONE = ModelSpec(name="their/one", **COMMON)\n'
        'MORE = [ModelSpec(name="their/two", **COMMON)]\n'
        "WRONG = 3\n"
    )
    info = site / "my_models-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-models\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[rapidembed.models]\none = my_models:ONE\nmore = my_models:MORE\n")
    return site


def run(site: Path, script: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        [sys.executable, "-c", "from rapidembed import TextEmbedding\n" + script],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_installed_packages_register_models(installed: Path) -> None:
    names = run(installed, "print([row['model'] for row in TextEmbedding.list_supported_models()][-2:])")
    assert names.stdout == "['their/one', 'their/two']\n", names.stderr
    used = run(installed, f"print(TextEmbedding('their/two', specific_model_path={str(TINY)!r}).info.pooling)")
    assert used.stdout == "('cls',)\n", used.stderr


def test_a_wrong_entry_point_is_named(installed: Path) -> None:
    path = installed / "my_models-1.0.dist-info" / "entry_points.txt"
    path.write_text("[rapidembed.models]\nwrong = my_models:WRONG\n")
    failed = run(installed, "TextEmbedding('their/one')")
    assert "The entry point 'wrong' (my_models:WRONG) of group rapidembed.models must name a ModelSpec" in failed.stderr
    fine = run(installed, "print(TextEmbedding.get_embedding_size('BAAI/bge-small-en-v1.5'))")
    assert fine.stdout == "384\n", fine.stderr


def test_specs_are_values() -> None:
    spec = ModelSpec(
        name="x", dim=4, pooling=("none",), normalize=False, onnx_source=OnnxSource(repo="a/b", file="m.onnx")
    )
    assert pickle.loads(pickle.dumps(spec)) == spec
