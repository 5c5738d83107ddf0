"""Graphs: the masked form against the unmasked one, what is refused, the cache of built graphs, and ONNX files."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from shutil import copytree

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper
from rapidembed import IntegrityError, TextEmbedding, UnsupportedModelError
from rapidembed.graph import load_program
from rapidembed.graph.cache import map_bytes, map_tensors, read_graph, read_text
from rapidembed.graph.weights import Weights
from rapidembed.hub import Checkpoint
from rapidembed.registry import DenseLayer, ModelSpec, discover
from rapidembed.registry.config_file import ConfigFile
from rapidembed.runtime.device import place
from rapidembed.runtime.engine import EngineKey
from rapidembed.runtime.lease import open_engine
from rapidembed.runtime.pooling import pool
from rapidembed.runtime.session import OnnxSession
from rapidembed.runtime.tokenizer import TokenIds
from safetensors.numpy import load_file, save_file

from tests.fakes.graphs import build

BASE = Path(__file__).parents[1] / "golden" / "base"
CONFIG = json.loads((BASE / "config.json").read_text())
SPEC = discover(BASE, "tiny")
MODES = ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]
CPU = ["CPUExecutionProvider"]


# The masked graph is the accelerators'; its arithmetic can be checked on any machine.


def program(masked, *modes):
    spec = replace(SPEC, pooling=modes, dim=32 * len(modes))
    return load_program(Checkpoint(spec, BASE, ("model.safetensors",)), masked=masked)


def padded(rows, filling):
    ids = np.full((len(rows), max(map(len, rows))), filling, dtype=np.int64)
    mask = np.zeros_like(ids)
    for i, row in enumerate(rows):
        ids[i, : len(row)], mask[i, : len(row)] = row, 1
    return ids, mask


@pytest.mark.parametrize("modes", [*[(mode,) for mode in MODES], tuple(MODES)], ids="+".join)
def test_padding_changes_nothing(modes):
    random = np.random.default_rng(1)
    rows = [random.integers(5, CONFIG["vocab_size"], size).tolist() for size in (2, 64, 1, 17, 3, 17)]
    alone = OnnxSession(program(False, *modes), CPU, 1)
    expected = np.concatenate([alone.run({"input_ids": np.array([row])}) for row in rows])
    together = OnnxSession(program(True, *modes), CPU, 1)
    for filling in (0, 7):
        ids, mask = padded(rows, filling)
        vectors = together.run({"input_ids": ids, "attention_mask": mask})
        np.testing.assert_allclose(vectors, expected, atol=1e-5, rtol=0)


def test_the_forms_take_the_inputs_they_promise():
    assert OnnxSession(program(False, "mean"), CPU, 1).inputs == {"input_ids"}
    assert OnnxSession(program(True, "mean"), CPU, 1).inputs == {"input_ids", "attention_mask"}


@pytest.mark.parametrize("masked", [False, True])
def test_a_built_graph_names_its_weights_and_holds_none(masked):
    weights = Weights([("", BASE / "model.safetensors")])
    graph = build(ConfigFile(Path("config.json"), CONFIG), weights, SPEC, masked=masked)
    inside = onnx.load_from_string(graph.model).graph
    external = [t.name for t in inside.initializer if t.data_location == TensorProto.EXTERNAL]
    assert (graph.converted, graph.rounded) == ((), ())
    assert graph.tables == (() if masked else ("embeddings.word_embeddings.weight",))
    assert {*external, *graph.tables} == {name for name in weights.names if not name.startswith("pooler.")}
    assert all(np.prod(t.dims) <= 2 for t in inside.initializer if t.name not in external)


# Refusals


def build_with(tmp_path, config=CONFIG, *, remove=(), spec=SPEC, **tensors):
    stored = {n: t for n, t in load_file(BASE / "model.safetensors").items() if n not in remove} | tensors
    save_file(stored, tmp_path / "model.safetensors")
    return build(
        ConfigFile(Path("config.json"), config), Weights([("", tmp_path / "model.safetensors")]), spec, masked=False
    )


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("position_embedding_type", "relative_key", "position_embedding_type='relative_key'"),
        ("is_decoder", True, "is_decoder=True"),
        ("add_cross_attention", True, "add_cross_attention=True"),
        ("hidden_act", "mystery", "hidden_act='mystery' is unknown"),
        ("num_attention_heads", 5, "32 is not a multiple of 5"),
        ("architectures", ["BertForSequenceClassification"], "'BertForSequenceClassification' is not supported"),
        ("architectures", ["BertModel", "Strange"], "'Strange' is not supported"),
        ("auto_map", {"AutoModel": "code.Model"}, "auto_map"),
        ("model_type", "t5", "model_type 't5'; known: .*bert"),
        ("model_type", "", "model_type ''"),
    ],
)
def test_unknown_config_values_are_refused_by_name(tmp_path, name, value, message):
    with pytest.raises(UnsupportedModelError, match=message):
        build_with(tmp_path, CONFIG | {name: value})


@pytest.mark.parametrize("name", ["vocab_size", "hidden_size", "num_hidden_layers", "max_position_embeddings"])
def test_a_missing_config_field_is_named(tmp_path, name):
    with pytest.raises(IntegrityError, match=f"expected a positive {name}, got None"):
        build_with(tmp_path, {key: value for key, value in CONFIG.items() if key != name})


def test_unused_tensors_are_refused_by_name(tmp_path):
    extra = {f"adapter.{i}.weight": np.zeros(1, np.float32) for i in range(7)}
    with pytest.raises(UnsupportedModelError, match=r"does not use: adapter\.0\.weight, .* and 2 more"):
        build_with(tmp_path, **extra)


def test_layers_behind_the_last_one_and_heads_are_left_out(tmp_path):
    heads = {name: np.zeros(1, np.float32) for name in ("some_head.weight", "classifier.bias", "lm_head.bias")}
    build_with(tmp_path, CONFIG | {"num_hidden_layers": 1}, **heads)


def test_tensors_beside_the_encoder_are_ignored(tmp_path):
    extra = {
        "pooler.dense.weight": np.zeros((32, 32), np.float32),
        "embeddings.position_ids": np.arange(64)[None],
        "cls.predictions.bias": np.zeros(9, np.float32),
    }
    inside = onnx.load_from_string(build_with(tmp_path, **extra).model).graph
    assert not {tensor.name for tensor in inside.initializer} & extra.keys()


@pytest.mark.parametrize(
    "name",
    ["encoder.layer.1.output.dense.bias", "embeddings.LayerNorm.weight", "embeddings.position_embeddings.weight"],
)
def test_a_missing_tensor_is_named(tmp_path, name):
    with pytest.raises(IntegrityError, match=f"hold no tensor '{name}'"):
        build_with(tmp_path, remove=[name])


def test_weights_of_another_kind_of_model_are_named(tmp_path):
    with pytest.raises(UnsupportedModelError, match=r"no tensor 'embeddings\.word_embeddings\.weight'"):
        build_with(tmp_path, remove=["embeddings.word_embeddings.weight"])


@pytest.mark.parametrize(
    "name", ["embeddings.word_embeddings.weight", "encoder.layer.0.attention.self.key.weight"], ids=["table", "matrix"]
)
def test_a_wrong_shape_is_named(tmp_path, name):
    with pytest.raises(IntegrityError, match=rf"Tensor '{name}' has shape \(3, 2\), but the config calls for"):
        build_with(tmp_path, **{name: np.zeros((3, 2), np.float32)})


def test_an_unknown_dense_activation_is_named(tmp_path):
    layer = DenseLayer(path="2_Dense", in_features=32, out_features=32, bias=True, activation="Softmax2d")
    with pytest.raises(
        UnsupportedModelError, match="2_Dense: activation 'Softmax2d' is unknown; known: Identity, Tanh"
    ):
        build_with(tmp_path, spec=replace(SPEC, dense=(layer,)))


def test_the_facade_refuses_too(tmp_path):
    model = copytree(BASE, tmp_path / "model")
    (model / "config.json").write_text(json.dumps(CONFIG | {"hidden_act": "mish"}))
    with pytest.raises(UnsupportedModelError, match="hidden_act='mish'"):
        TextEmbedding(str(model))


# The cache of built graphs


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RAPIDEMBED_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / "graphs"


def hello():
    with TextEmbedding(str(BASE), precision="fp32") as model:
        return model.encode("hello world")


def only(folder):
    (file,) = folder.iterdir()
    return file


def test_a_second_start_does_not_import_onnx(cache):
    code = f"""if True:
        import sys
        from rapidembed import TextEmbedding
        TextEmbedding({str(BASE)!r}, threads=1, precision="fp32").encode("hello world")
        print("onnx" in sys.modules, [name for name in sys.modules if name.endswith(("image_processor", "pages"))])
    """
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True) for _ in range(2)]
    assert [run.stdout.strip() for run in runs] == ["True []", "False []"]
    assert only(cache).suffix == ".graph"


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-9],
        lambda data: b"garbage",
        lambda data: b"",
        lambda data: data[:-300] + bytes(300),  # a valid safetensors file around wrong content
    ],
)
def test_a_damaged_graph_is_built_anew(cache, caplog, damage):
    expected = hello()
    good = load_file(only(cache))["model"]
    only(cache).write_bytes(damage(only(cache).read_bytes()))
    np.testing.assert_array_equal(hello(), expected)
    assert "Building the graph anew: " in caplog.text
    assert str(only(cache)) in caplog.text
    np.testing.assert_array_equal(load_file(only(cache))["model"], good)


def test_a_foreign_safetensors_file_is_built_anew(cache):
    expected = hello()
    save_file({"other": np.zeros(3)}, only(cache))
    np.testing.assert_array_equal(hello(), expected)


def test_a_cache_that_cannot_be_written_costs_a_warning(tmp_path, monkeypatch, caplog):
    expected = hello()
    (tmp_path / "file").write_text("a file where the folder should be")
    monkeypatch.setenv("RAPIDEMBED_CACHE_DIR", str(tmp_path / "file"))
    np.testing.assert_array_equal(hello(), expected)
    assert [r.levelname for r in caplog.records if "graph cache cannot be written" in r.message] == ["WARNING"]


@pytest.mark.parametrize(
    "read",
    [read_graph, partial(read_text, parse=str), partial(map_bytes, size=1), partial(map_tensors, names=set())],
    ids=["graph", "text", "bytes", "tensors"],
)
def test_a_file_that_cannot_be_reached_is_made_anew(read, tmp_path, caplog):
    (tmp_path / "file").write_text("a file where the folder should be")
    assert read(tmp_path / "file" / "name") is None
    assert not caplog.records
    assert read(tmp_path / ("longer than a name may be " * 20)) is None
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_only_whole_files_get_their_name(cache, monkeypatch, caplog):
    """At the moment of the rename the file is complete; if that fails, nothing is left behind."""
    seen = []

    def fail(source, target):
        seen.append((sorted(path.name for path in cache.glob("*.graph")), load_file(source)["model"].tobytes()))
        raise PermissionError("no renaming today")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        hello()
    assert "no renaming today" in caplog.text
    assert list(cache.iterdir()) == []
    hello()
    assert seen == [([], load_file(only(cache))["model"].tobytes())]


def test_a_graph_is_reused(cache, monkeypatch):
    hello()
    monkeypatch.setattr("rapidembed.graph.build.build", pytest.fail)
    hello()


# ONNX files: token vectors that are arithmetic on the ids, so expected values are computed by hand


def write_onnx(path, *, quantize=False):
    """``last_hidden_state[b, t] = ids[b, t] * (1, -2)``; a second output holds the first token's."""
    nodes = [
        helper.make_node("Cast", ["input_ids"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["numbers", "last"], ["column"]),
        helper.make_node("Mul", ["column", "factors"], ["exact"]),
        helper.make_node("Gather", ["exact", "zero"], ["vector"], axis=1),
    ]
    if quantize:
        nodes.append(helper.make_node("DynamicQuantizeLinear", ["exact"], ["q", "scale", "point"]))
        nodes.append(helper.make_node("DequantizeLinear", ["q", "scale", "point"], ["hidden"]))
    else:
        nodes.append(helper.make_node("Identity", ["exact"], ["hidden"]))
    constants = {"last": np.array([-1]), "zero": np.array(0), "factors": np.array([1, -2], np.float32)}
    tokens = ["batch", "tokens"]
    graph = helper.make_graph(
        nodes,
        "arithmetic",
        [helper.make_tensor_value_info(n, TensorProto.INT64, tokens) for n in ("input_ids", "attention_mask")],
        [
            helper.make_tensor_value_info("hidden", TensorProto.FLOAT, [*tokens, 2]),
            helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["batch", 2]),
        ],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.save(model, path)


@pytest.fixture
def onnx_engine(tmp_path):
    def engine(*modes, output=0, quantize=False, content=None):
        root = copytree(BASE, tmp_path / "onnx")
        write_onnx(root / "model.onnx", quantize=quantize)
        if content is not None:
            (root / "model.onnx").write_bytes(content)
        spec = ModelSpec(
            name="arithmetic", dim=2 * len(modes), architecture="x", pooling=modes, normalize=False, output=output
        )
        placement = place(
            available=ort.get_available_providers(), device="cpu", cuda="auto", device_ids=None, providers=None
        )
        checkpoint = Checkpoint(spec, root, ("model.onnx",))
        return open_engine(EngineKey(checkpoint, placement, 1, checkpoint.stamp()))

    return engine


TEXTS = [TokenIds([3, 5, 10], truncated=False), TokenIds([4], truncated=False)]


@pytest.mark.parametrize(
    ("mode", "first"),
    [
        ("cls", 3),
        ("max", 10),
        ("mean", 18 / 3),
        ("mean_sqrt_len_tokens", 18 / 3**0.5),
        ("weightedmean", (3 + 2 * 5 + 3 * 10) / 6),
        ("lasttoken", 10),
    ],
)
def test_onnx_files_are_pooled_outside_the_graph(onnx_engine, mode, first):
    vectors = onnx_engine(mode).run(TEXTS, 5)
    second = -2 * (3 if mode == "max" else first)  # the largest of -6, -10, -20
    np.testing.assert_allclose(vectors, [[first, second], [4, -8]], rtol=1e-6)


@pytest.mark.parametrize("output", [1, "vector"])
def test_a_vector_output_passes_as_it_is(onnx_engine, output):
    np.testing.assert_array_equal(onnx_engine("none", output=output).run(TEXTS, 3), [[3, -6], [4, -8]])


@pytest.mark.parametrize("output", [2, "sentence_embedding"])
def test_an_output_that_does_not_exist_is_named(onnx_engine, output):
    with pytest.raises(IntegrityError, match=f"no output {output!r}; it has: hidden, vector"):
        onnx_engine("mean", output=output).run(TEXTS, 3)


@pytest.mark.parametrize("quantize", [False, True])
def test_dynamically_quantized_graphs_run_row_by_row(onnx_engine, quantize):
    engine = onnx_engine("mean", quantize=quantize)
    rows = [len(batch.rows) for batch in engine.plan([TEXTS[0]] * 4, 256)]
    assert rows == ([1, 1, 1, 1] if quantize else [4])


@pytest.mark.parametrize(("content", "message"), [(b"", "is empty"), (b"not a graph", "not a complete ONNX file")])
def test_a_damaged_onnx_file_is_named(onnx_engine, content, message):
    engine = onnx_engine("mean", content=content)
    with pytest.raises(IntegrityError, match=rf"model\.onnx.*{message}|{message}.*model\.onnx"):
        engine.load()


def pooled_by_hand(tokens, mode):
    """One text's real token vectors, as lists."""
    columns = list(zip(*tokens, strict=True))
    count = len(tokens)
    weights = range(1, count + 1)
    return {
        "cls": tokens[0],
        "lasttoken": tokens[-1],
        "max": [max(column) for column in columns],
        "mean": [sum(column) / count for column in columns],
        "mean_sqrt_len_tokens": [sum(column) / count**0.5 for column in columns],
        "weightedmean": [sum(w * v for w, v in zip(weights, c, strict=True)) / sum(weights) for c in columns],
    }[mode]


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("modes", [*[(mode,) for mode in MODES], ("max", "weightedmean", "cls")], ids="+".join)
def test_numpy_pooling_against_a_loop(side, modes):
    lengths, tokens, width = [1, 7, 4], 7, 3
    hidden = np.random.default_rng(2).normal(-3, 1, (len(lengths), tokens, width)).astype(np.float32)
    mask = np.zeros((len(lengths), tokens), dtype=np.int64)
    expected = []
    for i, length in enumerate(lengths):
        real = slice(0, length) if side == "right" else slice(tokens - length, tokens)
        mask[i, real] = 1
        values = hidden[i, real].tolist()
        expected.append([number for mode in modes for number in pooled_by_hand(values, mode)])
    vectors = pool(hidden, mask, modes)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, expected, atol=1e-5, rtol=0)


def test_numpy_pooling_leaves_vectors_alone():
    vectors = np.ones((2, 5), dtype=np.float32)
    assert pool(vectors, np.ones((2, 3), dtype=np.int64), ("none",)) is vectors
