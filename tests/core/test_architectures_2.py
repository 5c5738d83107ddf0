"""Graphs of many architectures against transformers: see tests/golden/make_architectures_2.py."""

from dataclasses import replace

import numpy as np
import pytest
from rapidembed import TextEmbedding, UnsupportedModelError
from rapidembed.graph import buildable_architectures, load_program
from rapidembed.hub import Checkpoint
from rapidembed.registry import LateInteraction, ModelSpec, SparseWeights, discover
from rapidembed.runtime.session import OnnxSession
from rapidembed.runtime.tokenizer import Tokenizer
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
    inputs,
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
    if variant.task is not None:
        spec = replace(spec, tasks={"some task": 5})
    return replace(spec, sparse=SparseWeights()) if spec.head == "mlm" else spec


def session(folder, spec, *, masked):
    return OnnxSession(load_program(Checkpoint(spec, folder, ("model.safetensors",)), masked=masked), CPU, 1)


def run(graph, given, task=None):
    known = given | {"task_id": np.array(task, dtype=np.int64)} if task is not None else given
    return graph.run({name: known[name] for name in graph.inputs})


@pytest.fixture
def model(architecture, name, tmp_path):
    return write_model(**DESCRIBED[architecture][name], folder=tmp_path / "model")


def padded(variant):
    """The texts of all lengths as one batch."""
    longest = max(variant.lengths)
    rows = [inputs(variant, length) | {"attention_mask": np.ones((1, length), np.int64)} for length in variant.lengths]
    fillings = {"input_ids": 7, "token_type_ids": 1, "attention_mask": 0}

    def pad(name, array):
        return np.pad(array, ((0, 0), (0, longest - array.shape[1])), constant_values=fillings[name])

    return {name: np.concatenate([pad(name, row[name]) for row in rows]) for name in rows[0]}


@pytest.mark.parametrize(("architecture", "name"), ALL)
def test_outputs(architecture, name, model):
    alone = session(model, spec_of(architecture, name), masked=False)
    variant = VARIANTS[architecture][name]
    for length in variant.lengths:
        given = inputs(variant, length)
        backwards = {key: array[:, ::-1] for key, array in given.items()}
        found = run(alone, {key: np.concatenate([array, backwards[key]]) for key, array in given.items()}, variant.task)
        close(found[0], expected(architecture, name, length))
        close(found[1], run(alone, backwards, variant.task)[0])


@pytest.mark.parametrize(("architecture", "name"), ALL)
def test_padding_changes_nothing(architecture, name, model):
    spec, variant = spec_of(architecture, name), VARIANTS[architecture][name]
    found = run(session(model, spec, masked=True), padded(variant), variant.task)
    for row, length in zip(found, variant.lengths, strict=True):
        wanted = expected(architecture, name, length)
        if spec.head == "mlm":  # logits below 0 give a word no weight
            row, wanted = np.maximum(row, 0), np.maximum(wanted, 0)
        close(row[:length] if spec.head == "tokens" else row, wanted)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("architecture", "name"), ENCODERS)
def test_the_first_token_alone(architecture, name, model, masked):
    spec, variant = spec_of(architecture, name), VARIANTS[architecture][name]
    spec = replace(spec, head="pool", pooling=("cls",))
    graph = session(model, spec, masked=masked)
    alone = [{"input_ids": ids(length)} for length in variant.lengths]
    vectors = (
        run(graph, padded(variant), variant.task) if masked else [run(graph, given, variant.task)[0] for given in alone]
    )
    for vector, length in zip(vectors, variant.lengths, strict=True):
        close(vector, expected(architecture, name, length)[0])


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("architecture", "name"), ENCODERS)
def test_tokens_hidden_from_the_others(architecture, name, model, masked):
    spec = replace(spec_of(architecture, name), late=LateInteraction(expansion_length=64))
    longest = max(VARIANTS[architecture][name].lengths)
    mask = np.ones((1, longest), dtype=np.int64)
    mask[:, -HIDDEN:] = 0
    given = {"input_ids": ids(longest), "attention_mask": mask}
    found = run(session(model, spec, masked=masked), given, VARIANTS[architecture][name].task)
    close(found[0], expected(architecture, name, "hidden"))


@pytest.mark.parametrize(
    ("architecture", "name"),
    [(architecture, name) for architecture, name in ENCODERS if "base" in (name, VARIANTS[architecture][name].same_as)],
)
def test_texts(architecture, name, model):
    width = DESCRIBED[architecture]["base"]["config"]["hidden_size"]
    with TextEmbedding(str(add_modules(model, architecture, width))) as embedder:
        close(embedder.encode(TEXTS), REFERENCE[architecture]["texts"])


def test_queries_and_documents_have_their_adapters(tmp_path):
    content = DESCRIBED["jina_embeddings_v3"]["first task"]
    folder = add_modules(write_model(**content, folder=tmp_path / "model"), "jina_embeddings_v3", 16)
    spec = discover(folder, "tiny")
    assert spec.tasks == {"retrieval.query": 0, "retrieval.passage": 1, "separation": 2}
    graph, tokens = session(folder, spec, masked=False), Tokenizer(folder).encode(["hello world"], 64)[0].ids
    expected = [run(graph, {"input_ids": np.array([tokens])}, task)[0] for task in (0, 1)]
    assert np.abs(expected[0] - expected[1]).max() > 100 * TOLERANCE
    with TextEmbedding(str(folder)) as model:
        close(model.encode_query("hello world"), expected[0])
        close(model.encode_document("hello world"), expected[1])
        close(model.encode("hello world"), expected[1])


def test_every_architecture_is_tested():
    assert set(VARIANTS) <= buildable_architectures()


_GPT_2 = {"n_embd": 16, "n_head": 2, "n_inner": 24, "n_layer": 2}
REFUSED = [
    ("modernbert", {"local_attention": 1}, "local_attention=1"),
    ("modernbert", {"layer_types": ["full_attention", "chunked", "full_attention"]}, "'chunked' is not supported"),
    ("modernbert", {"num_attention_heads": 3}, "16 is not a multiple of 3"),
    ("modernbert", {"num_attention_heads": 16}, "heads of an even width, got 1"),
    ("modernbert", {"rope_parameters": {"rope_type": "yarn"}}, "rope_type='yarn'"),
    ("modernbert", {"rope_parameters": {"sliding_attention": {"rope_type": "yarn"}}}, "rope_type='yarn'"),
    ("modernbert", {"rope_scaling": {"type": "linear", "factor": 2.0}}, "rope_scaling={'type': 'linear'"),
    ("modernbert", {"partial_rotary_factor": 0.5}, r"partial_rotary_factor=0\.5"),
    ("modernbert", {"hidden_activation": "tanh"}, "'tanh' is unknown"),
    ("gte", {"pack_qkv": False}, "pack_qkv=False"),
    ("gte", {"position_embedding_type": "absolute"}, "position_embedding_type='absolute'"),
    ("gte", {"layer_norm_type": "rms_norm"}, "layer_norm_type='rms_norm'"),
    ("gte", {"logn_attention_scale": True}, "logn_attention_scale=True"),
    ("gte", {"rope_scaling": {"type": "linear", "factor": 2.0}}, "type='linear'"),
    ("gte", {"rope_scaling": {"type": "ntk", "factor": 2.0, "mixed_b": 0.6}}, r"mixed_b=0\.6"),
    ("gte", {"rope_scaling": {"type": "ntk", "factor": 0.5}}, "rope_scaling={'type': 'ntk', 'factor': 0.5}"),
    ("gte", {"num_attention_heads": 3}, "16 is not a multiple of 3"),
    ("gte", {"auto_map": {"AutoModel": "someone/else--modeling_other.GteModel"}}, "'gte with code of its own'"),
    ("gemma3_text", {"use_bidirectional_attention": False}, "only use_bidirectional_attention=True"),
    ("gemma3_text", {"use_bidirectional_attention": None}, "only use_bidirectional_attention=True"),
    ("gemma3_text", {"sliding_window": 1}, "sliding_window=1"),
    ("gemma3_text", {"attn_logit_softcapping": 50.0}, r"attn_logit_softcapping=50\.0"),
    ("gemma3_text", {"num_key_value_heads": 3}, "4 heads of queries do not share 3 heads of keys"),
    ("gemma3_text", {"layer_types": ["full_attention"]}, "layer_types must name 3 layers"),
    ("qwen3", {"use_sliding_window": True}, "use_sliding_window=True"),
    ("qwen3", {"layer_types": ["sliding_attention"] * 2}, "'sliding_attention' is not supported; known: full"),
    ("qwen3", {"is_causal": False}, "is_causal=False"),
    ("qwen3", {"rope_parameters": {"rope_type": "yarn", "factor": 4.0}}, "rope_type='yarn'"),
    ("jina_bert", {"position_embedding_type": "absolute"}, "only position_embedding_type='alibi'"),
    ("jina_bert", {"feed_forward_type": "original"}, "feed_forward_type='original' is not supported"),
    ("jina_bert", {"num_attention_heads": 5}, "24 is not a multiple of 5"),
    ("jina_bert", {"is_decoder": True}, "is_decoder=True"),
    ("jina_bert", {"auto_map": None, "architectures": ["BertModel"]}, "position_embedding_type='alibi'"),
    ("jina_embeddings_v3", {"position_embedding_type": "absolute"}, "position_embedding_type='absolute'"),
    ("jina_embeddings_v3", {"num_attention_heads": 3}, "16 is not a multiple of 3"),
    (
        "jina_embeddings_v3",
        {"lora_adaptations": ["retrieval.query"]},
        "must name retrieval.query and retrieval.passage",
    ),
    (
        "jina_embeddings_v3",
        {"lora_adaptations": ["retrieval.query", "retrieval.passage"]},
        r"adapters \(lora_adaptations\) only give vectors",
    ),
    ("nomic_bert", {"causal": True}, "causal=True"),
    ("nomic_bert", {"prenorm": True}, "prenorm=True"),
    ("nomic_bert", {"use_rms_norm": True}, "use_rms_norm=True"),
    ("nomic_bert", {"rotary_scaling_factor": 2.0}, r"rotary_scaling_factor=2\.0"),
    ("nomic_bert", {"rotary_emb_fraction": 0.5}, r"rotary_emb_fraction=0\.5"),
    ("nomic_bert", {"qkv_proj_bias": True}, "qkv_proj_bias=True"),
    ("nomic_bert", {"rotary_emb_interleaved": True}, "rotary_emb_interleaved=True"),
    ("nomic_bert", {"moe_every_n_layers": 2}, "moe_every_n_layers=2"),
    ("nomic_bert", {"head_dim": 4}, "head_dim=4"),
    ("nomic_bert", _GPT_2 | {"activation_function": "gelu"}, "activation_function='gelu'"),
    ("nomic_bert", {"auto_map": {"AutoModel": "x--modeling_hf_nomic_bert.Other"}}, "'nomic_bert with code of its own'"),
    ("modernbert", {"auto_map": {"AutoModel": "code.Model"}}, "auto_map"),
]


@pytest.mark.parametrize(("architecture", "change", "message"), REFUSED)
def test_unknown_config_values_are_refused_by_name(architecture, change, message, tmp_path):
    content = DESCRIBED[architecture]["base"]
    folder = write_model(content["config"] | change, content["tensors"], tmp_path / "model")
    with pytest.raises(UnsupportedModelError, match=message):
        session(folder, ModelSpec(name="tiny", dim=16, head="tokens"), masked=False)
