"""What LateInteractionTextEmbedding gives and refuses, on tiny models."""

import copy
import json
import pickle
from dataclasses import replace

import numpy as np
import onnx
import pytest
from rapidembed import (
    ClosedError,
    IntegrityError,
    LateInteractionTextEmbedding,
    ModelNotFoundError,
    TruncationWarning,
    UnsupportedModelError,
)
from rapidembed.graph import Program
from rapidembed.graph.weights import Weights
from rapidembed.registry import LATE_INTERACTION
from rapidembed.registry.config_file import ConfigFile
from rapidembed.runtime.feeds import feeds
from rapidembed.runtime.session import OnnxSession

from tests.fakes.compare import close
from tests.fakes.graphs import build
from tests.golden.heads import COLBERTS, assemble_colbert, read

TEXTS = ["hello world.", "", "a", "the quick, brown fox!", "hello world.", "日本", "the dog " * 12, "a b", "fox dog"]


def make(root, name, **changes):
    return assemble_colbert(replace(COLBERTS[name], **changes), root / "model")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make(tmp_path_factory.mktemp("colbert"), "fixed")


@pytest.fixture(scope="module")
def model(folder):
    with LateInteractionTextEmbedding(folder) as model:
        yield model


def test_shapes_and_types(model):
    vectors = model.encode_document(TEXTS)
    assert {array.dtype for array in vectors} == {np.dtype(np.float32)}
    assert vectors[1].shape == (3, 8)  # [CLS] and [SEP]; of the prompt "passage", for ":" is skipped
    np.testing.assert_allclose(np.linalg.norm(vectors[3], axis=1), 1, atol=1e-6)
    assert model.encode_document("a").ndim == 2
    assert model.encode_document([]) == []
    assert list(model.embed([])) == []
    assert model.embedding_size == 8


def test_results_do_not_hold_their_window(model):
    for array in [*model.embed(TEXTS), *model.encode_document(TEXTS)]:
        assert array.base is None or array.base.nbytes == array.nbytes


def test_results_of_models_that_are_not_normalized_do_not_hold_their_batch(tmp_path):
    with LateInteractionTextEmbedding(make(tmp_path, "not_normalized")) as model:
        assert all(array.base is None for array in model.embed(TEXTS))


def test_token_count(model):
    # "passage" and ":" are the prompt here.
    assert model.token_count("hello world.") == 3 + 2 + 2
    assert model.token_count(["hello world.", ""], is_doc=False) == 7 + 4
    assert model.token_count(["hello world.", ""], is_doc=False, include_extension=True) == 12 + 12
    assert model.token_count(["the dog " * 5000]) == 40


def test_token_count_of_a_marker(tmp_path):
    with LateInteractionTextEmbedding(make(tmp_path, "authors")) as model:
        assert model.token_count(["hello world"]) == 4
        assert model.token_count(["hello world"], include_extension=True) == 5
        assert model.token_count(["hello world"], is_doc=False) == 4
        assert model.token_count(["hello world"], is_doc=False, include_extension=True) == 14
        assert len(model.encode_query("hello world")) == 14
        assert len(model.encode_document("hello world")) == 5
        # The marker has its place within the limit, whether it is counted or not.
        whole = model.token_count("the dog " * 5000, include_extension=True)
        assert (whole, model.token_count("the dog " * 5000)) == (model.info.max_tokens, whole - 1)


def test_limits(folder):
    long = "hello world and " * 2000
    with LateInteractionTextEmbedding(folder, max_tokens=64, max_query_tokens=20) as model:
        with pytest.warns(TruncationWarning, match="1 of 1 texts had more than 64 tokens"):
            assert len(model.encode_document([long])[0]) == 63  # ":" of the prompt
        with pytest.warns(TruncationWarning, match="more than 20 tokens"):
            assert len(model.encode_query(long)) == 20
        assert len(model.encode_query("a")) == 12
    with LateInteractionTextEmbedding(folder, max_query_tokens=8) as model:
        assert len(model.encode_query("a")) == 8
    strict = LateInteractionTextEmbedding(folder, truncate=False)
    with pytest.raises(ValueError, match=r"texts\[1\] has more than 40 tokens"):
        strict.encode_document(["a", long])
    with pytest.raises(ValueError, match="at most 64, the positions"):
        LateInteractionTextEmbedding(folder, max_query_tokens=65)
    with pytest.raises(ValueError, match="max_query_tokens must be a positive integer"):
        LateInteractionTextEmbedding(folder, max_query_tokens=0)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m: m.embed(["a", None]), TypeError, r"texts\[1\] must be a str"),
        (lambda m: m.query_embed(None), TypeError, "texts must be a str or an iterable"),
        (lambda m: m.encode_query(b"a"), TypeError, "decode it first"),
        (lambda m: m.embed(["a"], batch_size=0), ValueError, "batch_size"),
        (lambda m: m.passage_embed(["a"], parallel=-2), ValueError, "parallel"),
    ],
)
def test_wrong_calls_are_refused_before_the_first_result(model, call, error, message):
    with pytest.raises(error, match=message):
        call(model)


def test_copies_share_the_engine_and_close_ends_it(folder):
    model = LateInteractionTextEmbedding(folder, max_query_tokens=9)
    engine = model._loaded().engine
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert other._loaded().engine is engine
        assert len(other.encode_query("a")) == 9
        other.close()
    model.close()
    with pytest.raises(ClosedError, match="Create a new LateInteractionTextEmbedding"):
        model.encode_query("a")


def test_fingerprints_tell_settings_apart(folder):
    prints = set()
    for options in ({}, {"max_tokens": 30}, {"max_query_tokens": 9}):
        with LateInteractionTextEmbedding(folder, **options) as model:
            prints.add(model.fingerprint)
    assert len(prints) == 3


def test_curated_models():
    listed = LateInteractionTextEmbedding.list_supported_models()
    assert [row["dim"] for row in listed] == [128, 96, 128, 128, 128, 1024]
    assert LateInteractionTextEmbedding.get_embedding_size("COLBERT-ir/colbertv2.0") == 128
    with pytest.raises(ModelNotFoundError, match="nosuch"):
        LateInteractionTextEmbedding.get_embedding_size("nosuch")


@pytest.mark.parametrize(
    ("path", "changes", "error", "message"),
    [
        ("2_MultiVectorMask/config.json", {"skiplist_tasks": ["query"]}, UnsupportedModelError, "skiplist_tasks"),
        ("2_MultiVectorMask/config.json", {"keep_only_token_ids": [3]}, UnsupportedModelError, "keep_only_token_ids"),
        ("2_MultiVectorMask/config.json", {"skiplist_words": [3]}, IntegrityError, "skiplist_words to be a list"),
        ("sentence_bert_config.json", {"query_expansion": 3}, IntegrityError, "query_expansion to be an object"),
        (
            "sentence_bert_config.json",
            {"query_expansion": {"strategy": "strange", "length": 3}},
            UnsupportedModelError,
            "strange",
        ),
        ("1_Dense/config.json", {"in_features": 31}, IntegrityError, "takes 31 values, but gets 32"),
        ("1_Dense/config.json", {"use_residual": True}, IntegrityError, "residual.weight"),
        ("config_sentence_transformers.json", {"prompts": 3}, IntegrityError, "prompts"),
    ],
)
def test_unknown_values_are_refused_by_name(tmp_path, path, changes, error, message):
    file = make(tmp_path, "fixed") / path
    file.write_text(json.dumps(read(file) | changes))
    with pytest.raises(error, match=message):
        LateInteractionTextEmbedding(tmp_path / "model")


def test_what_makes_no_token_vectors_is_refused(tmp_path, folder):
    dense = assemble_colbert(COLBERTS["fixed"], tmp_path / "dense")
    modules = read(dense / "modules.json")
    modules[1]["type"] = "sentence_transformers.models.Pooling"
    (dense / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(UnsupportedModelError, match="found Transformer, Pooling, MultiVectorMask, Normalize"):
        LateInteractionTextEmbedding(dense)
    (dense / "modules.json").unlink()
    with pytest.raises(UnsupportedModelError, match="is no HF_ColBERT"):
        LateInteractionTextEmbedding(dense)


def test_a_tokenizer_without_a_mask_token_is_refused(tmp_path):
    folder = make(tmp_path, "fixed")
    tokenizer = read(folder / "tokenizer.json")
    vocab = tokenizer["model"]["vocab"]
    vocab["[OTHER]"] = vocab.pop("[MASK]")
    tokenizer["added_tokens"] = [token for token in tokenizer["added_tokens"] if token["content"] != "[MASK]"]
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    # BERT's own class would add one.
    settings = read(folder / "tokenizer_config.json") | {"tokenizer_class": "PreTrainedTokenizerFast"}
    settings.pop("mask_token"), settings.pop("added_tokens_decoder", None)
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    with pytest.raises(IntegrityError, match="the tokenizer has none"):
        LateInteractionTextEmbedding(folder)


def masked_graph(folder):
    spec = LATE_INTERACTION.discover(folder, "tiny")
    modules = [(layer.prefix, folder / layer.path / "model.safetensors") for layer in spec.dense if layer.path]
    weights = [("", folder / "model.safetensors"), *modules]
    path = folder / "masked.onnx"
    path.write_bytes(build(ConfigFile.read(folder / "config.json"), Weights(weights), spec, masked=True).model)
    return path


def test_padding_changes_nothing(model, folder):
    """The masked form is the accelerators'; its arithmetic can be checked on any machine."""
    session = OnnxSession(Program(masked_graph(folder), 0, True, ("none",)), ["CPUExecutionProvider"], 1)
    assert session.inputs == {"input_ids", "attention_mask"}
    loaded = model._loaded()
    texts = TEXTS[:4]
    for role, expected in (("query", model.encode_query(texts)), ("document", model.encode_document(texts))):
        call = loaded.call(role)
        tokens = loaded.steps(call).ready([call.prepare(text, index) for index, text in enumerate(texts)])
        output = session.run(feeds(session.inputs, tokens, 40, pad_id=7, extra={}))
        sink = loaded.sink(call)
        window = sink.window(len(texts))
        sink.fill(window, list(range(len(texts))), tokens, output)
        close(window, expected, 1e-5)


def test_the_onnx_file_of_a_curated_model_runs(tmp_path):
    wide = make(tmp_path, "authors_defaults", settings={}, layout="authors", width=128)
    (tmp_path / "onnx").mkdir()
    onnx.save(onnx.load(masked_graph(wide)), tmp_path / "onnx" / "model.onnx")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / "onnx" / name).write_bytes((wide / name).read_bytes())
    # The row says 512 tokens, which the tiny model has no positions for; its texts are short enough.
    config = read(wide / "config.json") | {"max_position_embeddings": 512}
    (tmp_path / "onnx" / "config.json").write_text(json.dumps(config))
    texts = ["hello world.", "the dog"]
    vocabulary = read(wide / "tokenizer.json")["model"]["vocab"]
    with (
        LateInteractionTextEmbedding(wide) as built,
        LateInteractionTextEmbedding("colbert-ir/colbertv2.0", specific_model_path=tmp_path / "onnx") as exported,
    ):
        assert exported.info.weights.name == "model.onnx"
        # The row's markers are the ids that [unused0] and [unused1] have in BERT's vocabulary.
        loaded = exported._loaded()
        assert (loaded.query.marker, loaded.document.marker) == (1, 2)
        assert built._loaded().query.marker == vocabulary["[unused0]"]
        assert [len(v) for v in exported.encode_document(texts)] == [5, 5]  # "." is skipped
        object.__setattr__(loaded.query, "marker", vocabulary["[unused0]"])
        close(exported.encode_query(texts), built.encode_query(texts), 1e-5)
