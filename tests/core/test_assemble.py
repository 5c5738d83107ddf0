"""Which files make a model, wherever they come from."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from rapidembed import IntegrityError, TextEmbedding, UnsupportedModelError
from safetensors.numpy import load_file, save_file

from tests.fakes.here import load
from tests.fakes.hub import FakeHub
from tests.fakes.onnx_models import write_hidden_states

TINY = Path(__file__).parents[1] / "golden" / "base"
TEXT = "hello world, the lazy dog"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(TINY, tmp_path / "model")
    return tmp_path / "model"


def change(path: Path, **values: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def make_plain(folder: Path) -> None:
    """What transformers alone saves."""
    for file in ("modules.json", "sentence_bert_config.json", "config_sentence_transformers.json"):
        (folder / file).unlink()
    shutil.rmtree(folder / "1_Pooling")


def shard(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    files = {}
    for i, name in enumerate(tensors):
        files.setdefault(f"model-0000{i % 2 + 1}-of-00002.safetensors", {})[name] = tensors[name]
    for file, part in files.items():
        save_file(part, folder / file)
    weight_map = {name: file for file, part in files.items() for name in part}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))


# Pooling that no file declares


def test_pooling_is_never_guessed(folder: Path) -> None:
    make_plain(folder)
    with pytest.raises(UnsupportedModelError, match=r'its pooling is not declared.*pooling="mean" or pooling="cls"'):
        TextEmbedding(folder)


def test_pooling_can_be_given(folder: Path) -> None:
    expected = TextEmbedding(TINY)
    make_plain(folder)
    model = TextEmbedding(folder, pooling="mean")
    np.testing.assert_allclose(model.encode(TEXT), expected.encode(TEXT), atol=1e-6)
    both = TextEmbedding(folder, pooling=["cls", "max"], normalize=True)
    assert both.encode([TEXT]).shape == (1, 64)
    np.testing.assert_allclose(np.linalg.norm(both.encode(TEXT)), 1, atol=1e-6)
    assert both.fingerprint != model.fingerprint


def test_pooling_may_not_contradict_the_files(folder: Path) -> None:
    assert TextEmbedding(folder, pooling="mean").info.pooling == ("mean",)
    with pytest.raises(UnsupportedModelError, match="declares the pooling mean; pooling=cls contradicts it"):
        TextEmbedding(folder, pooling="cls")


@pytest.mark.parametrize("pooling", ["median", [], "", ["mean", "median"], 3, {"mean"}])
def test_impossible_pooling(pooling: object) -> None:
    with pytest.raises(ValueError, match="pooling must be"):
        TextEmbedding(TINY, pooling=pooling)


def test_pooling_of_plain_models_from_the_hub(folder: Path, tmp_path: Path) -> None:
    make_plain(folder)
    with FakeHub({"someone/plain": folder}) as hub:
        refused = load(hub.url, tmp_path / "cache", model_name="someone/plain")
        given = load(hub.url, tmp_path / "cache", model_name="someone/plain", pooling="mean")
    assert "its pooling is not declared" in refused["message"]
    np.testing.assert_allclose(given["vector"], TextEmbedding(TINY).encode("hello world"), atol=1e-6)


# Weights


def test_sharded_weights_from_the_hub(folder: Path, tmp_path: Path) -> None:
    shard(folder)
    with FakeHub({"someone/sharded": folder}) as hub:
        found = load(hub.url, tmp_path / "cache", model_name="someone/sharded")
        hub.requests.clear()
        warm = load(hub.url, tmp_path / "cache", model_name="someone/sharded")
        assert hub.requests == []
    np.testing.assert_allclose(found["vector"], TextEmbedding(TINY).encode("hello world"), atol=1e-6)
    assert warm["vector"] == found["vector"]


def test_a_missing_shard_is_named(folder: Path) -> None:
    shard(folder)
    (folder / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(UnsupportedModelError, match=r"has no model-00002-of-00002\.safetensors"):
        TextEmbedding(folder)


@pytest.mark.parametrize("content", ["[]", "{}", '{"weight_map": {}}', '{"weight_map": {"a": 3}}', "{"])
def test_a_broken_index_is_named(folder: Path, content: str) -> None:
    shard(folder)
    (folder / "model.safetensors.index.json").write_text(content)
    with pytest.raises(IntegrityError, match=r"model\.safetensors\.index\.json"):
        TextEmbedding(folder)


def test_a_tensor_in_two_shards_is_refused(folder: Path) -> None:
    shard(folder)
    shutil.copy(folder / "model-00001-of-00002.safetensors", folder / "model-00002-of-00002.safetensors")
    with pytest.raises(IntegrityError, match="holds too"):
        TextEmbedding(folder)


@pytest.mark.parametrize("file", ["flax_model.msgpack", "tf_model.h5"])
def test_other_formats_are_named_with_the_remedy(folder: Path, tmp_path: Path, file: str) -> None:
    (folder / "model.safetensors").rename(folder / file)
    with pytest.raises(UnsupportedModelError, match=rf"It has {file}, a format that is not read here\. Save the model"):
        TextEmbedding(folder)
    with FakeHub({"someone/old": folder}) as hub:
        found = load(hub.url, tmp_path / "cache", model_name="someone/old")
    assert f"It has {file}" in found["message"]
    assert not any(request.startswith("GET") and file in request for request in hub.requests)


# Architectures that no graph can be built for


def test_another_architecture_runs_its_onnx_file(folder: Path) -> None:
    """Row i of the table is i, 32 times; a Dense module and Normalize follow. All worked out from the token ids."""
    change(folder / "config.json", model_type="another")
    (folder / "onnx").mkdir()
    write_hidden_states(folder / "onnx" / "model.onnx", "model.onnx_data", 0, None)
    (folder / "onnx" / "model.onnx_data").write_bytes(np.repeat(np.arange(256, dtype=np.float32), 32).tobytes())
    (folder / "model.safetensors").unlink()
    model = TextEmbedding(folder)
    ids = model._loaded().engine.tokenizer.encode([TEXT], 64)[0].ids
    assert model.info.weights.name == "model.onnx"
    np.testing.assert_allclose(model.encode(TEXT), [np.mean(ids)] * 32, rtol=1e-6)

    weight, bias = np.linspace(-1, 1, 3 * 32, dtype=np.float32).reshape(3, 32) / 100, np.array([1, 2, -3], np.float32)
    for activation, function in (
        ("torch.nn.modules.activation.Tanh", np.tanh),
        ("torch.nn.modules.linear.Identity", lambda x: x),
        ("torch.nn.modules.activation.ReLU", lambda x: np.maximum(x, 0)),
        ("torch.nn.modules.activation.Sigmoid", lambda x: 1 / (1 + np.exp(-x))),
    ):
        add_dense(folder, weight, bias, activation)
        expected = function(weight @ np.full(32, np.mean(ids), np.float32) + bias)
        np.testing.assert_allclose(TextEmbedding(folder).encode([TEXT, "x"])[0], expected, rtol=1e-5)


def add_dense(folder: Path, weight: np.ndarray, bias: np.ndarray, activation: str) -> None:
    modules = json.loads((folder / "modules.json").read_text())[:2]
    modules.append({"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"})
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "2_Dense").mkdir(exist_ok=True)
    config = {"in_features": 32, "out_features": 3, "bias": True, "activation_function": activation}
    (folder / "2_Dense" / "config.json").write_text(json.dumps(config))
    save_file({"linear.weight": weight, "linear.bias": bias}, folder / "2_Dense" / "model.safetensors")


@pytest.mark.parametrize("values", [{"model_type": "another"}, {"auto_map": {"AutoModel": "modeling.Model"}}])
def test_an_architecture_without_graph_or_onnx_file_is_named(folder: Path, values: dict[str, object]) -> None:
    change(folder / "config.json", **values)
    name = values.get("model_type", "bert with code of its own")
    with pytest.raises(
        UnsupportedModelError, match=rf"architecture '{name}' \(known: .*bert.*\), and it has no onnx/model"
    ):
        TextEmbedding(folder)


def test_prompts_left_out_of_pooling_outside_the_graph(folder: Path) -> None:
    change(folder / "config.json", model_type="another")
    change(folder / "1_Pooling" / "config.json", include_prompt=False, pooling_mode=["cls", "mean", "weightedmean"])
    (folder / "onnx").mkdir()
    write_hidden_states(folder / "onnx" / "model.onnx", "data", 0, None)
    (folder / "onnx" / "data").write_bytes(np.repeat(np.arange(256, dtype=np.float32), 32).tobytes())
    model = TextEmbedding(folder, prompts={"query": "the quick "})
    ids = np.array(model._loaded().engine.tokenizer.encode(["the quick " + TEXT], 64)[0].ids)
    skipped = 3  # [CLS] the quick
    positions = np.arange(1, len(ids) + 1)[skipped:]
    kept = ids[skipped:]
    expected = [kept[0], kept.mean(), (kept * positions).sum() / positions.sum()]
    np.testing.assert_allclose(model.encode_query(TEXT), np.repeat(expected, 32), rtol=1e-5)
