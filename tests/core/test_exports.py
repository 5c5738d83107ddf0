"""ONNX files as they are found, in folders whose architecture no graph can be built for. All worked out by hand."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from rapidembed import IntegrityError, TextEmbedding, UnsupportedModelError

from tests.core.test_folders import GOLDEN

WIDTH = 16
TEXTS = ["the dog", "the", "quick fox the dog a b c"]
TABLE = np.random.default_rng(0).normal(size=(200, WIDTH)).astype(np.float32)


def folder_with(path: Path, model: onnx.ModelProto) -> Path:
    """A folder of mean pooling over the file."""
    import shutil

    folder = Path(shutil.copytree(GOLDEN / "folders" / "bert", path / "model"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "another", "architectures": None}))
    (folder / "model.safetensors").unlink()
    (folder / "onnx").mkdir()
    onnx.save(model, folder / "onnx" / "model.onnx")
    return folder


def export(
    *,
    kind: int = TensorProto.INT64,
    shape: tuple[object, object] = ("b", "t"),
    inputs: tuple[str, ...] = ("input_ids", "attention_mask"),
    outputs: tuple[str, ...] = ("last_hidden_state",),
    masks: bool = False,
) -> onnx.ModelProto:
    """Looks tokens up; the vector of a token is zero where the mask says so."""
    ranks = {"last_hidden_state": 3, "hidden": 3, "pooler_output": 2, "sentence_embedding": 2}
    values = [helper.make_tensor_value_info(name, kind, shape) for name in inputs]
    nodes = [helper.make_node("Gather", ["table", inputs[0]], ["looked_up"])]
    last = "looked_up"
    if masks:
        nodes += [
            helper.make_node("Cast", ["attention_mask"], ["float_mask"], to=1),
            helper.make_node("Unsqueeze", ["float_mask", "two"], ["wide_mask"]),
            helper.make_node("Mul", ["looked_up", "wide_mask"], ["masked"]),
        ]
        last = "masked"
    for name in outputs:
        source = [last] if ranks[name] == 3 else [last, "first"]
        nodes.append(helper.make_node("Identity" if ranks[name] == 3 else "Gather", source, [name]))
        if ranks[name] == 2:
            nodes[-1].attribute.append(helper.make_attribute("axis", 1))
    results = [
        helper.make_tensor_value_info(
            name, TensorProto.FLOAT, [*shape, WIDTH] if ranks[name] == 3 else [shape[0], WIDTH]
        )
        for name in outputs
    ]
    constants = [numpy_helper.from_array(TABLE, "table"), numpy_helper.from_array(np.array(0), "first")]
    constants.append(numpy_helper.from_array(np.array([2]), "two"))
    graph = helper.make_graph(nodes, "g", values, results, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def expected(model: TextEmbedding, text: str) -> np.ndarray:
    vocabulary = json.loads((GOLDEN / "folders" / "bert" / "tokenizer.json").read_text())["model"]["vocab"]
    return TABLE[[vocabulary["[CLS]"], *(vocabulary[word] for word in text.split()), vocabulary["[SEP]"]]].mean(0)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"kind": TensorProto.INT32},
        {"inputs": ("input_ids",)},
        {"inputs": ("input_ids", "attention_mask", "token_type_ids", "position_ids")},
        {"shape": (1, "t")},
        {"shape": (2, "t")},
        {"shape": ("b", 12), "masks": True},
        {"shape": (2, 12), "masks": True, "kind": TensorProto.INT32},
        {"outputs": ("pooler_output", "last_hidden_state")},
        {"outputs": ("hidden", "last_hidden_state")},
        {"outputs": ("sentence_embedding", "hidden")},
    ],
    ids=str,
)
def test_the_declared_pooling_applies_to_the_tokens(tmp_path: Path, options: dict[str, object]) -> None:
    folder = folder_with(tmp_path, export(**options))
    with TextEmbedding(folder) as model:
        assert model.info.weights.name == "model.onnx"
        for vector, text in zip(model.encode(TEXTS), TEXTS, strict=True):
            np.testing.assert_allclose(vector, expected(model, text), atol=1e-5)
        np.testing.assert_allclose(model.encode(TEXTS[0]), expected(model, TEXTS[0]), atol=1e-5)


def test_a_fixed_length_is_the_limit(tmp_path: Path) -> None:
    with TextEmbedding(folder_with(tmp_path, export(shape=("b", 12), masks=True))) as model:
        assert model.info.max_tokens == 12


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"outputs": ("pooler_output",)}, r"no output of 3 dimensions, which the pooling mean is for; it has: pooler"),
        ({"inputs": ("input_ids", "pixel_values")}, "wants the inputs pixel_values"),
        ({"inputs": ("tokens",)}, "wants the inputs tokens"),
        ({"inputs": ("input_ids",), "shape": ("b", 12)}, "exactly 12 tokens, and has no attention_mask"),
    ],
    ids=str,
)
def test_what_cannot_be_fed_or_read_is_refused_at_load(tmp_path: Path, options: dict, message: str) -> None:
    with pytest.raises(UnsupportedModelError, match=message):
        TextEmbedding(folder_with(tmp_path, export(**options)))


def test_a_run_that_fails_is_no_bare_error_of_the_runtime(tmp_path: Path) -> None:
    global TABLE
    whole, TABLE = TABLE, TABLE[:5]
    try:
        model = TextEmbedding(folder_with(tmp_path, export()))
    finally:
        TABLE = whole
    with pytest.raises(IntegrityError, match=r"could not run .*model\.onnx on .*input_ids \(1, 4\)"):
        model.encode("the dog")
