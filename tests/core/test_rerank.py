"""What TextCrossEncoder gives and refuses, on a tiny model."""

import asyncio
import copy
import json
import pickle

import numpy as np
import onnx
import pytest
from rapidembed import (
    ClosedError,
    EncodingWarning,
    IntegrityError,
    ModelSpec,
    RankedDocument,
    TextCrossEncoder,
    TextEmbedding,
    TruncationWarning,
    UnsupportedModelError,
)
from rapidembed.graph import Program
from rapidembed.graph.weights import Weights
from rapidembed.registry import RERANK
from rapidembed.registry.config_file import ConfigFile
from rapidembed.runtime.feeds import feeds
from rapidembed.runtime.session import OnnxSession
from rapidembed.tasks.rerank.inputs import activation_of

from tests.fakes.graphs import build
from tests.golden.heads import RERANKERS, assemble_reranker, read

QUERY = "the lazy dog"
DOCUMENTS = ["hello world", "", "a", "the quick brown fox jumps", "the lazy dog", "hello world", "日本", "x " * 30]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return assemble_reranker(RERANKERS["plain"], tmp_path_factory.mktemp("reranker") / "model")


@pytest.fixture(scope="module")
def model(folder):
    with TextCrossEncoder(folder) as model:
        yield model


def test_shapes_and_types(model):
    scores = model.score(QUERY, DOCUMENTS)
    assert (scores.shape, scores.dtype) == ((len(DOCUMENTS),), np.float32)
    assert model.score(QUERY, []).shape == (0,)
    assert model.score_pairs([]).shape == (0,)
    assert model.score(QUERY, iter(DOCUMENTS)).shape == (len(DOCUMENTS),)
    assert model.score(QUERY, np.array(DOCUMENTS)).tolist() == scores.tolist()
    assert model.score_pairs((QUERY, "a")).shape == (1,)
    assert model.score_pairs(((QUERY, "a"), (QUERY, "b"))).shape == (2,)
    assert all(type(score) is float for score in model.rerank(QUERY, DOCUMENTS))


@pytest.mark.parametrize("batch_size", [1, 3, 64])
@pytest.mark.parametrize("parallel", [None, 1, 2])
def test_all_forms_agree(model, batch_size, parallel):
    expected = [model.score(QUERY, [document])[0] for document in DOCUMENTS]
    options = {"batch_size": batch_size, "parallel": parallel}
    pairs = [(QUERY, document) for document in DOCUMENTS]
    for scores in (
        model.score(QUERY, DOCUMENTS, **options),
        model.score_pairs(pairs, **options),
        list(model.rerank(QUERY, DOCUMENTS, **options)),
        list(model.rerank(QUERY, iter(DOCUMENTS), **options)),
        list(model.rerank_pairs(pairs, **options)),
        list(model.rerank_pairs(iter(pairs), **options)),
    ):
        np.testing.assert_allclose(scores, expected, atol=1e-6)


async def test_async_forms_agree(model):
    np.testing.assert_allclose(await model.ascore(QUERY, DOCUMENTS), model.score(QUERY, DOCUMENTS), atol=1e-6)
    pairs = [(QUERY, document) for document in DOCUMENTS]
    np.testing.assert_allclose(await model.ascore_pairs(pairs), model.score_pairs(pairs), atol=1e-6)
    assert [r.index for r in await model.arank(QUERY, DOCUMENTS)] == [r.index for r in model.rank(QUERY, DOCUMENTS)]


def test_rank_sorts_by_score_and_keeps_the_order_of_equals(model):
    scores = model.score(QUERY, DOCUMENTS)
    ranking = model.rank(QUERY, DOCUMENTS)
    assert [r.index for r in ranking] == sorted(range(len(DOCUMENTS)), key=lambda i: (-scores[i], i))
    np.testing.assert_allclose([r.score for r in ranking], sorted(scores, reverse=True), atol=1e-6)
    equal = [r.index for r in ranking if DOCUMENTS[r.index] == "hello world"]
    assert equal == [0, 5]
    assert {r.document for r in ranking} == {None}
    top = model.rank(QUERY, iter(DOCUMENTS), 2, return_documents=True)
    assert top == [RankedDocument(r.index, top[i].score, DOCUMENTS[r.index]) for i, r in enumerate(ranking[:2])]
    assert model.rank(QUERY, [], 3) == []
    assert len(model.rank(QUERY, DOCUMENTS, 100)) == len(DOCUMENTS)


def test_sigmoid_stays_finite(model):
    logits = model.score(QUERY, DOCUMENTS).astype(np.float64)
    sigmoid = model.score(QUERY, DOCUMENTS, activation="sigmoid")
    assert sigmoid.dtype == np.float32
    np.testing.assert_allclose(sigmoid, 1 / (1 + np.exp(-logits)), atol=1e-6)
    assert [r.score for r in model.rank(QUERY, ["a"], activation="sigmoid")] == pytest.approx(
        model.score(QUERY, ["a"], activation="sigmoid")
    )
    assert activation_of("sigmoid")(np.array([-1000, 0, 1000], np.float32)).tolist() == [0, 0.5, 1]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m: m.rerank(None, ["a"]), TypeError, "query must be a str, got NoneType"),
        (lambda m: m.rerank("q", "a"), TypeError, "documents must be an iterable of str, got one str; put it into"),
        (lambda m: m.rerank("q", ["a", None]), TypeError, r"documents\[1\] must be a str, got NoneType"),
        (lambda m: m.rerank("q", 5), TypeError, "documents must be a str or an iterable of str, got int"),
        (lambda m: m.rerank("q", ["a"], batch_size=0), ValueError, "batch_size must be a positive integer"),
        (lambda m: m.rerank("q", ["a"], parallel=-1), ValueError, "parallel must be"),
        (lambda m: m.rerank_pairs("ab"), TypeError, "pairs must be an iterable of pairs"),
        (lambda m: m.rerank_pairs([("a", "b"), "ab"]), TypeError, r"pairs\[1\] must be two texts.*got str"),
        (lambda m: m.rerank_pairs([("a", "b", "c")]), TypeError, r"pairs\[0\] must be two texts.*got 3 items"),
        (lambda m: m.rerank_pairs([("a", b"c")]), TypeError, r"pairs\[0\]\[1\] must be a str, got bytes; decode"),
        (lambda m: m.score("q", ["a"], activation="softmax"), ValueError, "activation must be"),
        (lambda m: m.rank("q", ["a"], top_k=0), ValueError, "top_k must be a positive integer"),
        (lambda m: m.token_count("ab"), TypeError, "pairs must be an iterable"),
    ],
)
def test_wrong_calls_are_refused_before_the_first_score(model, call, error, message):
    with pytest.raises(error, match=message):
        call(model)


def test_scores_before_a_wrong_item_of_a_stream_are_not_lost(model):
    scores = model.rerank(QUERY, iter(["a", "b", 3]))
    found = []
    with pytest.raises(TypeError, match=r"documents\[2\] must be a str, got int"):
        found.extend(scores)
    assert len(found) == 2


def test_long_pairs_are_cut_with_one_warning(model, folder):
    with pytest.warns(TruncationWarning, match="^1 of 2 pairs had more than 64 tokens") as caught:
        model.score(QUERY, ["the dog " * 5000, "a"])
    assert len(caught) == 1
    assert caught[0].filename == __file__
    with TextCrossEncoder(folder, truncate=False) as strict:
        with pytest.raises(ValueError, match=r"pairs\[1\] has more than 64 tokens, and truncate=False"):
            strict.score(QUERY, ["a", "the dog " * 5000])
        with pytest.raises(ValueError, match=r"pairs\[0\]"):
            strict.score("the dog " * 5000, ["a"])


LONG = (QUERY, "the dog " * 5000)


@pytest.mark.parametrize(
    "call",
    [
        lambda model: model.score_pairs([LONG]),
        lambda model: model.score_labels([LONG]),
        lambda model: model.rank(LONG[0], [LONG[1]]),
        lambda model: list(model.rerank(LONG[0], [LONG[1]])),
        lambda model: list(model.rerank_pairs([LONG])),
        lambda model: asyncio.run(model.ascore(LONG[0], [LONG[1]])),
        lambda model: asyncio.run(model.ascore_pairs([LONG])),
        lambda model: asyncio.run(model.ascore_labels([LONG])),
        lambda model: asyncio.run(model.arank(LONG[0], [LONG[1]])),
    ],
)
def test_every_form_warns_of_what_was_cut(model, call):
    with pytest.warns(TruncationWarning, match="^1 of 1 pairs had more than 64 tokens") as caught:
        call(model)
    assert [warning.filename for warning in caught] == [__file__]


def test_lone_surrogates_are_repaired_with_a_warning(model):
    with pytest.warns(EncodingWarning, match="1 of 1 pairs"):
        scores = model.score("a", ["b\ud800"])
    assert scores == pytest.approx(model.score("a", ["b\ufffd"]), abs=1e-6)


def test_token_count(model, folder):
    assert model.token_count([("hello", "world"), ("", "")]) == 5 + 3
    assert model.token_count(("hello", "world")) == 5
    with TextCrossEncoder(folder, max_tokens=10) as short:
        assert short.token_count([("the dog " * 20, "the dog " * 20)]) == 10
    with pytest.raises(ValueError, match="max_tokens must leave room beside 3 special tokens, got 3"):
        TextCrossEncoder(folder, max_tokens=3)


def test_copies_share_the_engine_and_close_ends_it(folder):
    model = TextCrossEncoder(folder)
    engine = model._loaded().engine
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert other._loaded().engine is engine
        other.close()
    assert len(model.score("a", ["b"])) == 1
    model.close()
    with pytest.raises(ClosedError, match="Create a new TextCrossEncoder"):
        model.score("a", ["b"])


def test_info_and_fingerprint(model, folder):
    info = model.info
    assert (info.head, info.dimensions, info.max_tokens, info.architecture) == ("classification", 1, 64, "bert")
    with TextCrossEncoder(folder, max_tokens=20) as other:
        assert model.fingerprint != other.fingerprint


def test_curated_models():
    listed = TextCrossEncoder.list_supported_models()
    assert len(listed) == 8
    assert listed[0]["model"] == "Xenova/ms-marco-MiniLM-L-6-v2"
    assert listed[0]["model_file"] == "onnx/model.onnx"
    assert "dim" not in listed[0]
    listed[0].clear()
    assert TextCrossEncoder.list_supported_models()[0]
    with pytest.raises(ValueError, match=r"TextCrossEncoder\.list_supported_models"):
        TextCrossEncoder("nosuch")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architectures": ["BertModel"]}, "'BertModel' is not supported here; known: BertForSequenceClassification"),
    ],
)
def test_what_is_no_reranker_is_refused(tmp_path, changes, message):
    folder = assemble_reranker(RERANKERS["plain"], tmp_path / "model")
    config = folder / "config.json"
    config.write_text(json.dumps(read(config) | changes))
    with pytest.raises(UnsupportedModelError, match=message):
        TextCrossEncoder(folder)


@pytest.fixture(scope="module")
def three_labels(tmp_path_factory):
    return assemble_reranker(RERANKERS["three_labels"], tmp_path_factory.mktemp("labels") / "model")


async def test_several_labels(three_labels):
    pairs = [(QUERY, document) for document in DOCUMENTS]
    with TextCrossEncoder(three_labels) as model:
        assert model.labels == ("contradiction", "entailment", "neutral")
        logits = model.score_labels(pairs, batch_size=2)
        assert (logits.shape, logits.dtype) == ((len(pairs), 3), np.float32)
        assert np.array_equal(await model.ascore_labels(pairs), logits)
        shares = model.score_labels(pairs, activation="softmax")
        np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-6)
        assert np.array_equal(shares.argmax(axis=1), logits.argmax(axis=1))
        np.testing.assert_allclose(
            model.score_labels(pairs, activation="sigmoid"), 1 / (1 + np.exp(-logits)), atol=1e-6
        )
        assert model.score_labels([]).shape == (0, 3)
        for one_score in (
            lambda: model.score(QUERY, DOCUMENTS),
            lambda: model.score_pairs(pairs),
            lambda: model.rank(QUERY, DOCUMENTS),
            lambda: model.rerank(QUERY, DOCUMENTS),
            lambda: model.rerank_pairs(iter(pairs)),
        ):
            with pytest.raises(ValueError, match=r"has 3 labels \(contradiction, entailment, neutral\).* label=\.\.\."):
                one_score()
    with TextCrossEncoder(three_labels, label="entailment") as model, TextCrossEncoder(three_labels, label=1) as same:
        scores = model.score(QUERY, DOCUMENTS)
        np.testing.assert_array_equal(scores, logits[:, 1])
        assert list(same.rerank(QUERY, DOCUMENTS)) == scores.tolist()
        assert [each.index for each in model.rank(QUERY, DOCUMENTS)] == np.argsort(-scores, kind="stable").tolist()
        assert pickle.loads(pickle.dumps(model)).fingerprint == model.fingerprint == same.fingerprint
        with TextCrossEncoder(three_labels) as neither:
            assert neither.fingerprint != model.fingerprint


@pytest.mark.parametrize("label", ["nosuch", 3, -1, True, 1.0])
def test_impossible_labels(three_labels, label):
    with pytest.raises(ValueError, match="label must be"):
        TextCrossEncoder(three_labels, label=label)


def test_labels_without_names(tmp_path, folder):
    unnamed = assemble_reranker(RERANKERS["three_labels"], tmp_path / "model")
    config = unnamed / "config.json"
    config.write_text(json.dumps(read(config) | {"id2label": None, "num_labels": 3}))
    with TextCrossEncoder(unnamed) as model:
        assert model.labels == ("LABEL_0", "LABEL_1", "LABEL_2")
    config.write_text(json.dumps(read(config) | {"id2label": {"1": "yes", "2": "no"}}))
    with pytest.raises(IntegrityError, match=r"expected id2label to map 0, 1, \.\.\. to names"):
        TextCrossEncoder(unnamed)
    with TextCrossEncoder(folder, label="LABEL_0") as model:
        assert model.score(QUERY, ["a"]).shape == (1,)


def built(folder, *, masked):
    config = ConfigFile.read(folder / "config.json")
    spec = RERANK.discover(folder, "tiny")
    return build(config, Weights([("", folder / "model.safetensors")]), spec, masked=masked)


def test_padding_changes_nothing(model, folder, tmp_path):
    """The masked form is the accelerators'; its arithmetic can be checked on any machine."""
    path = folder / "masked.onnx"
    path.write_bytes(built(folder, masked=True).model)
    session = OnnxSession(Program(path, 0, True, ("none",)), ["CPUExecutionProvider"], 1)
    assert session.inputs == {"input_ids", "attention_mask", "token_type_ids"}
    tokens = model._loaded().pair_steps().ready([(QUERY, document) for document in DOCUMENTS])
    scores = session.run(feeds(session.inputs, tokens, 50, pad_id=7, extra={}))
    np.testing.assert_allclose(scores[:, 0], model.score(QUERY, DOCUMENTS), atol=1e-5)


def test_the_onnx_file_of_a_curated_model_runs(model, folder, tmp_path):
    (folder / "export.onnx").write_bytes(built(folder, masked=True).model)
    (tmp_path / "onnx").mkdir()
    onnx.save(onnx.load(folder / "export.onnx"), tmp_path / "onnx" / "model.onnx")
    for name in ("tokenizer.json", "tokenizer_config.json", "config.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    name = "xenova/MS-MARCO-MiniLM-L-6-v2"
    with TextCrossEncoder(name, specific_model_path=tmp_path, max_tokens=64) as other:
        assert other.info.weights.name == "model.onnx"
        np.testing.assert_allclose(other.score(QUERY, DOCUMENTS), model.score(QUERY, DOCUMENTS), atol=1e-5)


def test_a_custom_model_runs_its_onnx_file(model, folder, tmp_path):
    (folder / "export.onnx").write_bytes(built(folder, masked=True).model)
    onnx.save(onnx.load(folder / "export.onnx"), tmp_path / "mine.onnx")
    for name in ("tokenizer.json", "tokenizer_config.json", "config.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    TextCrossEncoder.add_custom_model("me/mine", {"hf": "me/mine"}, "mine.onnx", max_tokens=30)
    try:
        with TextCrossEncoder("Me/Mine", specific_model_path=tmp_path) as other:
            assert other.info.max_tokens == 30
            expected = model.score(QUERY, DOCUMENTS[:4])
            np.testing.assert_allclose(other.score(QUERY, DOCUMENTS[:4]), expected, atol=1e-5)
            assert len(pickle.loads(pickle.dumps(other)).score(QUERY, ["a"])) == 1
        assert "me/mine" in {row["model"] for row in TextCrossEncoder.list_supported_models()}
        assert "me/mine" not in {row["model"] for row in TextEmbedding.list_supported_models()}
    finally:
        TextCrossEncoder.remove_custom_model("me/mine")


def test_custom_models_of_another_task_are_refused():
    dense = ModelSpec(name="me/dense", dim=3, pooling=("cls",), normalize=True, source="me/dense")
    with pytest.raises(ValueError, match=r"runs models with head='classification', got 'me/dense' with 'pool'"):
        TextCrossEncoder.add_custom_model(dense)
    with pytest.raises(ValueError, match="is a curated model"):
        TextCrossEncoder.add_custom_model("BAAI/bge-reranker-base", "me/mine")
    with pytest.raises(ValueError, match="sources must name a hub repository"):
        TextCrossEncoder.add_custom_model("me/mine", None)
