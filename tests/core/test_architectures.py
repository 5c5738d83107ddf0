"""Every architecture gives transformers' numbers: see tests/golden/make_architectures.py."""

import json
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
from rapidembed import (
    IntegrityError,
    LateInteractionTextEmbedding,
    SparseTextEmbedding,
    TextCrossEncoder,
    TextEmbedding,
    TruncationWarning,
    UnsupportedModelError,
)
from rapidembed.graph import load_program
from rapidembed.hub import Checkpoint
from rapidembed.registry import LateInteraction, ModelSpec, SparseWeights
from rapidembed.runtime.session import OnnxSession
from safetensors import safe_open
from safetensors.numpy import load_file

from tests.golden.architectures import PAIRS, POSITIONS, TEXTS, assemble, rows, types, write_modules
from tests.golden.variants import HERE

FILES = sorted(HERE.glob("architectures_*.json"))
VARIANTS, MADE, REFERENCE = {}, {}, {}
for _file in FILES:
    VARIANTS |= import_module(f"tests.golden.{_file.stem}").VARIANTS
    MADE |= json.loads(_file.read_text(encoding="utf-8"))
    REFERENCE |= load_file(_file.with_suffix(".safetensors"))
with safe_open(FILES[0].with_suffix(".safetensors"), framework="numpy") as _arrays:
    TOLERANCE = float(_arrays.metadata()["tolerance"])
CPU = ["CPUExecutionProvider"]


@pytest.fixture
def folder(name, tmp_path):
    return assemble(VARIANTS[name], MADE[name], tmp_path / "model")


def reference(name):
    """What is expected of a variant for each row of token ids."""
    stored = VARIANTS[name].same_as or name
    return [REFERENCE[f"{stored}/{length}"] for length in VARIANTS[name].lengths]


def spec(name, width, *, pooling=None):
    """A head's spec as the facades have it, or that of pooled vectors."""
    head = "pool" if pooling else VARIANTS[name].head
    return ModelSpec(
        name=name,
        dim=width,
        architecture=MADE[name]["config"]["model_type"],
        head=head,
        pooling=pooling or ("none",),
        sparse=SparseWeights() if head == "mlm" else None,
    )


def session(folder, spec, *, masked):
    return OnnxSession(load_program(Checkpoint(spec, folder, ("model.safetensors",)), masked=masked), CPU, 1)


def feed(session, ids, mask):
    known = {
        "input_ids": np.array(ids, dtype=np.int64),
        "attention_mask": np.array(mask, dtype=np.int64),
        "token_type_ids": np.array(
            [types(row[: sum(seen)]) + [0] * seen.count(0) for row, seen in zip(ids, mask, strict=True)]
        ),
    }
    return {name: known[name] for name in session.inputs}


def alone(session, name):
    """Each row by itself."""
    return [session.run(feed(session, [row], [[1] * len(row)]))[0] for row in rows(VARIANTS[name])]


def together(session, name, filling):
    """All rows as one padded batch."""
    single = rows(VARIANTS[name])
    longest = max(map(len, single))
    ids = [row + [filling] * (longest - len(row)) for row in single]
    mask = [[1] * len(row) + [0] * (longest - len(row)) for row in single]
    return list(session.run(feed(session, ids, mask)))


def close(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=TOLERANCE, rtol=TOLERANCE)


@pytest.mark.parametrize("name", VARIANTS)
def test_results_are_those_of_transformers(name, folder):
    expected = reference(name)
    close(alone(session(folder, spec(name, expected[0].shape[-1]), masked=False), name), expected)


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("filling", [0, 9])
def test_padding_changes_nothing(name, folder, filling):
    expected = reference(name)
    found = together(session(folder, spec(name, expected[0].shape[-1]), masked=True), name, filling)
    if VARIANTS[name].head == "tokens":
        found = [tokens[:length] for tokens, length in zip(found, VARIANTS[name].lengths, strict=True)]
    if VARIANTS[name].head == "mlm":  # only weights above zero count
        expected = [np.maximum(weights, 0) for weights in expected]
        found = [np.maximum(weights, 0) for weights in found]
    close(found, expected)


@pytest.mark.parametrize("name", [name for name, variant in VARIANTS.items() if variant.head == "tokens"])
@pytest.mark.parametrize("masked", [False, True])
def test_the_first_token_alone(name, folder, masked):
    expected = [tokens[0] for tokens in reference(name)]
    loaded = session(folder, spec(name, len(expected[0]), pooling=("cls",)), masked=masked)
    close(together(loaded, name, 9) if masked else alone(loaded, name), expected)


HIDING = LateInteraction(expansion_length=POSITIONS)
"""Queries are filled up with tokens that the others do not see."""


@pytest.mark.parametrize("name", [name for name, v in VARIANTS.items() if v.head == "tokens" and v.hides_tokens])
def test_tokens_that_others_do_not_see(name, folder):
    """The form that late interaction takes where queries are filled up, against the masked one."""
    plain = spec(name, reference(name)[0].shape[-1])
    hiding = replace(plain, late=HIDING)
    expected = together(session(folder, plain, masked=True), name, 9)
    close(together(session(folder, hiding, masked=False), name, 9), expected)


@pytest.mark.parametrize("name", ["distilbert"])
def test_a_width_of_another_name_is_read_for_every_task(name, folder):
    """Without modules.json the config says it; a ColBERT's token vectors have the same mean."""
    expected = REFERENCE[f"{name}/texts"]
    write_modules(folder, ["Transformer"])
    with LateInteractionTextEmbedding(folder) as model, pytest.warns(TruncationWarning):
        close([tokens.mean(axis=0) for tokens in model.encode_document(TEXTS)], expected)
    (folder / "modules.json").unlink()
    with TextEmbedding(folder, pooling="mean") as model, pytest.warns(TruncationWarning):
        close(model.encode(TEXTS), expected)


@pytest.mark.parametrize(
    ("name", "field", "value", "message"),
    [
        ("roberta", "position_embedding_type", "relative_key", "position_embedding_type='relative_key'"),
        ("roberta", "is_decoder", True, "is_decoder=True"),
        ("roberta", "add_cross_attention", True, "add_cross_attention=True"),
        ("roberta", "hidden_act", "mystery", "hidden_act='mystery' is unknown"),
        ("roberta", "architectures", ["RobertaForTokenClassification"], "'RobertaForTokenClassification'"),
        ("mpnet", "relative_attention_num_buckets", 16, "relative_attention_num_buckets=16 .* 29 or more"),
        ("mpnet", "hidden_act", "mish", "hidden_act='mish'"),
        ("distilbert", "n_heads", 3, "hidden_size 16 is not a multiple of 3"),
        ("distilbert", "activation", "mish", "hidden_act='mish'"),
        ("electra", "position_embedding_type", "relative_key", "position_embedding_type='relative_key'"),
        ("electra", "is_decoder", True, "is_decoder=True"),
        ("deberta", "pos_att_type", "c2p|p2p", "pos_att_type 'p2p' is not supported; known: c2p, p2c"),
        ("deberta", "norm_rel_ebd", "batch_norm", "norm_rel_ebd 'batch_norm' is not supported"),
        ("deberta", "conv_kernel_size", 3, "conv_kernel_size=3"),
        ("deberta", "embedding_size", 8, "embedding_size=8"),
        ("deberta", "attention_head_size", 8, "attention_head_size=8"),
        ("deberta", "pooler_hidden_act", "tanh", "pooler_hidden_act='tanh'"),
        ("albert", "position_embedding_type", "relative_key_query", "position_embedding_type='relative_key_query'"),
    ],
)
def test_unknown_values_are_refused_by_name(name, field, value, message, tmp_path):
    made = MADE[name] | {"config": MADE[name]["config"] | {field: value}}
    with pytest.raises(UnsupportedModelError, match=message):
        TextEmbedding(assemble(VARIANTS[name], made, tmp_path / "model"))


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name", ["deberta"])
def test_tokens_that_others_do_not_see_are_refused(name, folder, masked):
    hiding = replace(spec(name, 16), late=HIDING)
    with pytest.raises(UnsupportedModelError, match="tokens that the others do not see are not supported"):
        session(folder, hiding, masked=masked)


@pytest.mark.parametrize("name", ["electra", "albert", "deberta"])
def test_a_head_that_cannot_be_built_is_named(name, folder):
    (folder / "modules.json").unlink()
    with pytest.raises(UnsupportedModelError, match=f"the head 'mlm' can be built for model_type '{name}"):
        SparseTextEmbedding(folder)


@pytest.mark.parametrize("name", ["roberta", "roberta_padding", "mpnet", "mpnet_padding"])
def test_positions_behind_the_padding_token_limit_the_length(name, folder):
    """Both config.json and a tokenizer that says nothing better count positions that no token can have."""
    (folder / "tokenizer_config.json").write_text('{"model_max_length": 42}')
    with TextEmbedding(folder) as model:
        assert model.info.max_tokens == POSITIONS
        with pytest.warns(TruncationWarning, match=f"more than {POSITIONS} tokens"):
            model.encode(TEXTS[-1])
    with pytest.raises(ValueError, match=f"at most {POSITIONS}, the positions"):
        TextEmbedding(folder, max_tokens=POSITIONS + 1)


def test_a_padding_token_that_is_no_number_is_named(tmp_path):
    made = MADE["roberta"] | {"config": MADE["roberta"]["config"] | {"pad_token_id": "<pad>"}}
    with pytest.raises(IntegrityError, match="pad_token_id to be a token's number, got '<pad>'"):
        TextEmbedding(assemble(VARIANTS["roberta"], made, tmp_path / "model"))


def dense(model):
    table = np.zeros((len(TEXTS), model.vocab_size), dtype=np.float32)
    for row, embedding in zip(table, model.encode_document(TEXTS), strict=True):
        row[embedding.indices] = embedding.values
    return table


FACADES = {
    "tokens": (TextEmbedding, lambda model: model.encode(TEXTS)),
    "classification": (TextCrossEncoder, lambda model: model.score_pairs(PAIRS)),
    "mlm": (SparseTextEmbedding, dense),
}


@pytest.mark.parametrize("name", [name for name, variant in VARIANTS.items() if variant.facade])
def test_facades(name, folder):
    facade, compute = FACADES[VARIANTS[name].head]
    with facade(folder) as model:
        assert model.info.architecture == MADE[name]["config"]["model_type"]
        with pytest.warns(TruncationWarning, match=f"more than {POSITIONS} tokens"):
            found = compute(model)
    close(found, REFERENCE[f"{name}/texts"])
