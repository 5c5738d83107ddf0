"""Graphs of many architectures against transformers: see tests/golden/make_architectures_2.py."""

from dataclasses import replace

import numpy as np
import pytest
from rapidembed import TextEmbedding, UnsupportedModelError
from rapidembed.graph import buildable_architectures, load_program
from rapidembed.hub import Checkpoint
from rapidembed.registry import LateInteraction, ModelSpec, SparseWeights
from rapidembed.runtime.session import OnnxSession
from safetensors import safe_open
from safetensors.numpy import load_file

from tests.golden.architectures_2 import (
    FILES,
    HIDDEN,
    TEXTS,
    VARIANTS,
    add_modules,
    described,
    head,
    ids,
    write_model,
)

CPU = ["CPUExecutionProvider"]
ALL = [(architecture, name) for architecture, variants in VARIANTS.items() for name in variants]
ENCODERS = [(architecture, name) for architecture, name in ALL if head(VARIANTS[architecture][name]) == "tokens"]
DESCRIBED = {architecture: described(architecture) for architecture in VARIANTS}
REFERENCE = {architecture: load_file(FILES / f"{architecture}.safetensors") for architecture in VARIANTS}
with safe_open(FILES / "modernbert.safetensors", framework="numpy") as _file:
    TOLERANCE = float(_file.metadata()["tolerance"])


def close(found, expected):
    np.testing.assert_allclose(found, expected, atol=TOLERANCE, rtol=TOLERANCE)


def expected(architecture, name, key):
    return REFERENCE[architecture][f"{name}/{key}"]


def spec_of(architecture, name):
    variant = VARIANTS[architecture][name]
    width = expected(architecture, name, variant.lengths[0]).shape[-1]
    spec = ModelSpec(name=name, dim=width, head=head(variant))
    return replace(spec, sparse=SparseWeights()) if spec.head == "mlm" else spec


def session(folder, spec, *, masked):
    return OnnxSession(load_program(Checkpoint(spec, folder, ("model.safetensors",)), masked=masked), CPU, 1)


@pytest.fixture
def model(architecture, name, tmp_path):
    return write_model(**DESCRIBED[architecture][name], folder=tmp_path / "model")


def padded(lengths):
    longest = max(lengths)
    tokens, mask = (
        np.full((len(lengths), longest), 7, dtype=np.int64),
        np.zeros((len(lengths), longest), dtype=np.int64),
    )
    for i, length in enumerate(lengths):
        tokens[i, :length], mask[i, :length] = ids(length), 1
    return {"input_ids": tokens, "attention_mask": mask}


@pytest.mark.parametrize(("architecture", "name"), ALL)
def test_outputs(architecture, name, model):
    alone = session(model, spec_of(architecture, name), masked=False)
    for length in VARIANTS[architecture][name].lengths:
        both = np.concatenate([ids(length), ids(length)[:, ::-1]])
        found = alone.run({"input_ids": both})
        close(found[0], expected(architecture, name, length))
        close(found[1], alone.run({"input_ids": both[1:]})[0])


@pytest.mark.parametrize(("architecture", "name"), ALL)
def test_padding_changes_nothing(architecture, name, model):
    spec, lengths = spec_of(architecture, name), VARIANTS[architecture][name].lengths
    found = session(model, spec, masked=True).run(padded(lengths))
    for row, length in zip(found, lengths, strict=True):
        wanted = expected(architecture, name, length)
        if spec.head == "mlm":  # logits below 0 give a word no weight
            row, wanted = np.maximum(row, 0), np.maximum(wanted, 0)
        close(row[:length] if spec.head == "tokens" else row, wanted)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("architecture", "name"), ENCODERS)
def test_the_first_token_alone(architecture, name, model, masked):
    spec, lengths = (
        replace(spec_of(architecture, name), head="pool", pooling=("cls",)),
        VARIANTS[architecture][name].lengths,
    )
    graph = session(model, spec, masked=masked)
    vectors = graph.run(padded(lengths)) if masked else [graph.run({"input_ids": ids(length)})[0] for length in lengths]
    for vector, length in zip(vectors, lengths, strict=True):
        close(vector, expected(architecture, name, length)[0])


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("architecture", "name"), ENCODERS)
def test_tokens_hidden_from_the_others(architecture, name, model, masked):
    spec = replace(spec_of(architecture, name), late=LateInteraction(expansion_length=64))
    longest = max(VARIANTS[architecture][name].lengths)
    mask = np.ones((1, longest), dtype=np.int64)
    mask[:, -HIDDEN:] = 0
    found = session(model, spec, masked=masked).run({"input_ids": ids(longest), "attention_mask": mask})
    close(found[0], expected(architecture, name, "hidden"))


@pytest.mark.parametrize("architecture", VARIANTS)
def test_texts(architecture, tmp_path):
    folder = write_model(**DESCRIBED[architecture]["base"], folder=tmp_path / "model")
    width = DESCRIBED[architecture]["base"]["config"]["hidden_size"]
    with TextEmbedding(str(add_modules(folder, width))) as model:
        close(model.encode(TEXTS), REFERENCE[architecture]["texts"])


def test_every_architecture_is_tested():
    assert set(VARIANTS) <= buildable_architectures()


REFUSED = [
    ("modernbert", {"local_attention": 1}, "local_attention=1"),
    ("modernbert", {"layer_types": ["full_attention", "chunked", "full_attention"]}, "'chunked' is unknown"),
    ("modernbert", {"num_attention_heads": 3}, "16 is not a multiple of 3"),
    ("modernbert", {"num_attention_heads": 16}, "heads of an even width, got 1"),
    ("modernbert", {"rope_parameters": {"rope_type": "yarn"}}, "rope_type='yarn'"),
    ("modernbert", {"rope_parameters": {"sliding_attention": {"rope_type": "yarn"}}}, "rope_type='yarn'"),
    ("modernbert", {"rope_scaling": {"type": "linear", "factor": 2.0}}, "rope_scaling={'type': 'linear'"),
    ("modernbert", {"partial_rotary_factor": 0.5}, r"partial_rotary_factor=0\.5"),
    ("modernbert", {"hidden_activation": "tanh"}, "'tanh' is unknown"),
    ("modernbert", {"auto_map": {"AutoModel": "code.Model"}}, "auto_map"),
]


@pytest.mark.parametrize(("architecture", "change", "message"), REFUSED)
def test_unknown_config_values_are_refused_by_name(architecture, change, message, tmp_path):
    content = DESCRIBED[architecture]["base"]
    folder = write_model(content["config"] | change, content["tensors"], tmp_path / "model")
    with pytest.raises(UnsupportedModelError, match=message):
        session(folder, ModelSpec(name="tiny", dim=16, head="tokens"), masked=False)
