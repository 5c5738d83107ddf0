"""Architectures as data: one of a stranger's, with pictures as input, and what is said where one is not right."""

import json
from dataclasses import replace

import numpy as np
import pytest
from rapidembed import ModelSpec, UnsupportedModelError
from rapidembed.graph import RoundingPlan, buildable_architectures, load_program
from rapidembed.graph.architectures import MODULES
from rapidembed.graph.architectures.bert import ARCHITECTURE
from rapidembed.graph.blocks.heads import BERT_CLASSIFIER
from rapidembed.hub import Checkpoint
from rapidembed.registry import DenseLayer
from rapidembed.registry.heads import HEADS, output_shape
from rapidembed.runtime.onnx_runtime import ort
from rapidembed.runtime.session import OnnxSession
from safetensors.numpy import save_file

from tests.fakes import patches

HIDDEN, SIZE, PATCH = 8, 6, 2
SPEC = ModelSpec(name="tiny", dim=HIDDEN, pooling=("mean",))
RANDOM = np.random.default_rng(0)
TENSORS = {
    name: RANDOM.standard_normal(shape, np.float32)
    for name, shape in {
        "patches.weight": (HIDDEN, 3, PATCH, PATCH),
        "class": (1, 1, HIDDEN),
        "layer.weight": (HIDDEN, HIDDEN),
        "layer.bias": (HIDDEN,),
        "linear.weight": (5, HIDDEN),
    }.items()
}
PIXELS = RANDOM.standard_normal((4, 3, SIZE, SIZE), np.float32)
PROJECTION = DenseLayer(path="", in_features=HIDDEN, out_features=5, bias=False, activation="Identity")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setitem(MODULES, patches.MODEL_TYPE, patches.__name__)
    config = {"architectures": ["PatchesModel"], "image_size": SIZE, "patch_size": PATCH, "hidden_size": HIDDEN}
    (tmp_path / "config.json").write_text(json.dumps(config | {"model_type": patches.MODEL_TYPE}))
    return tmp_path


def program(folder, spec, **form):
    kept = [name for name in TENSORS if spec.dense or "linear" not in name]
    save_file({name: TENSORS[name] for name in kept}, folder / "model.safetensors")
    return load_program(Checkpoint(spec, folder, ("model.safetensors",)), **{"masked": False} | form)


def run(program):
    return OnnxSession(program, ["CPUExecutionProvider"], 1).run({"pixel_values": PIXELS} | program.tables)


def by_hand():
    """Each patch times the kernel, behind the token for the class; (pictures, 1 + patches, hidden)."""
    count = SIZE // PATCH
    cut = PIXELS.reshape(4, 3, count, PATCH, count, PATCH).transpose(0, 2, 4, 1, 3, 5).reshape(4, count**2, -1)
    tokens = cut @ TENSORS["patches.weight"].reshape(HIDDEN, -1).T
    tokens = np.concatenate([np.broadcast_to(TENSORS["class"], (4, 1, HIDDEN)), tokens], axis=1)
    return tokens @ TENSORS["layer.weight"].T + TENSORS["layer.bias"]


@pytest.mark.parametrize("form", [{}, {"masked": True}, {"plain": True}])
@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (SPEC, lambda x: x.mean(axis=1)),
        (replace(SPEC, pooling=("cls",)), lambda x: x[:, 0]),
        (replace(SPEC, head="tokens"), lambda x: x),
        (replace(SPEC, dense=(PROJECTION,), dim=5), lambda x: x.mean(axis=1) @ TENSORS["linear.weight"].T),
    ],
)
def test_an_architecture_of_a_stranger_reads_pictures(folder, spec, expected, form):
    assert patches.MODEL_TYPE in buildable_architectures()
    np.testing.assert_allclose(run(program(folder, spec, **form)), expected(by_hand()), atol=1e-5)


def test_its_inputs_are_those_it_declares(folder):
    built = program(folder, SPEC)
    options = ort.SessionOptions()
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(built.folder))
    given = ort.InferenceSession(built.model, options).get_inputs()
    assert [(each.name, each.type, each.shape) for each in given] == [
        ("pixel_values", "tensor(float)", ["batch", 3, SIZE, SIZE])
    ]


def test_its_weights_can_be_rounded(folder):
    gram = np.eye(HIDDEN, dtype=np.float32)
    plan = RoundingPlan(8, lambda observed: [(name, gram) for name in outputs(observed.model)[1:]])
    rounded = program(folder, SPEC, rounding=plan)
    assert any(name.endswith(".int8") for name in rounded.given)
    found, expected = run(rounded), by_hand().mean(axis=1)
    assert 0 < np.linalg.norm(found - expected) < 0.05 * np.linalg.norm(expected)


def outputs(model):
    import onnx

    return [value.name for value in onnx.load_from_string(model).graph.output]


def test_a_head_that_it_does_not_write_is_refused(folder):
    with pytest.raises(UnsupportedModelError, match="the head 'mlm' can be built for model_type 'patches'"):
        program(folder, replace(SPEC, head="mlm"))


def test_a_module_without_an_architecture_is_named(folder, monkeypatch):
    monkeypatch.setitem(MODULES, patches.MODEL_TYPE, "json")
    with pytest.raises(TypeError, match="json should have an Architecture called ARCHITECTURE, got None"):
        program(folder, replace(SPEC, pooling=("max",)))


@pytest.mark.parametrize(
    ("part", "head"), [("attention", "attention"), ("mlm", "mlm"), ("classifier", "classification")]
)
def test_a_head_has_classes_and_a_writer(part, head):
    with pytest.raises(ValueError, match=f"head '{head}' if, and only if, it writes it"):
        replace(ARCHITECTURE, **{part: None})
    with pytest.raises(ValueError, match=f"head '{head}' if, and only if, it writes it"):
        replace(ARCHITECTURE, classes={key: value for key, value in ARCHITECTURE.classes.items() if key != head})
    assert replace(ARCHITECTURE, classifier=BERT_CLASSIFIER) == ARCHITECTURE


def test_the_shape_of_an_output():
    shapes = {head: output_shape(replace(SPEC, head=head), "batch", "tokens") for head in HEADS}
    vector, token_vectors = ["batch", HIDDEN], ["batch", "tokens", HIDDEN]
    assert shapes == {
        "pool": vector,
        "tokens": token_vectors,
        "classification": vector,
        "mlm": vector,
        "attention": ["batch", "tokens"],
        "words": token_vectors,
        "hybrid": ["batch", "tokens", HIDDEN + 1],
        "picture": vector,
        "page": token_vectors,
        "features": vector,
    }
