"""What SparseTextEmbedding gives and refuses for neural models, on tiny ones."""

import copy
import json
import pickle

import numpy as np
import onnx
import pytest
from rapidembed import (
    ClosedError,
    IntegrityError,
    ModelNotFoundError,
    SparseTextEmbedding,
    TruncationWarning,
    UnsupportedModelError,
)
from rapidembed.graph import Program
from rapidembed.graph.weights import Weights
from rapidembed.registry import SPARSE
from rapidembed.registry.config_file import ConfigFile
from rapidembed.runtime.feeds import feeds
from rapidembed.runtime.session import OnnxSession
from rapidembed.runtime.tokenizer import Tokenizer
from safetensors.numpy import load_file

from tests.core.test_golden_heads import REFERENCE
from tests.fakes.compare import close
from tests.fakes.graphs import build
from tests.golden.heads import DOCUMENTS, QUERIES, SPLADES, assemble_splade, read

TEXTS = ["hello world.", "", "a", "the quick, brown fox!", "hello world.", "日本", "the dog " * 12]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return assemble_splade(SPLADES["splade"], tmp_path_factory.mktemp("splade") / "model")


@pytest.fixture(scope="module")
def model(folder):
    with SparseTextEmbedding(folder) as model:
        yield model


def test_empty_lists(model):
    assert model.encode([]) == []
    assert list(model.embed([])) == []


def test_facts(model, folder):
    assert not model.requires_idf
    assert model.vocab_size == 112
    assert model.token_count(["hello world", ""]) == 6
    with SparseTextEmbedding(folder, max_tokens=20) as other:
        assert other.fingerprint != model.fingerprint
        assert other.token_count("the dog " * 5000) == 20


def test_long_texts_are_cut_with_one_warning(model, folder):
    with pytest.warns(TruncationWarning, match="1 of 2 texts had more than 64 tokens") as caught:
        model.encode_document(["the dog " * 5000, "a"])
    assert caught[0].filename == __file__
    with SparseTextEmbedding(folder, truncate=False) as strict, pytest.raises(ValueError, match=r"texts\[1\] has more"):
        strict.encode_document(["a", "the dog " * 5000])


def test_copies_and_close(folder):
    model = SparseTextEmbedding(folder)
    expected = model.encode_document("hello")
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        close([other.encode_document("hello")], [expected])
        other.close()
    model.close()
    with pytest.raises(ClosedError, match="Create a new SparseTextEmbedding"):
        model.encode("a")


def test_options_of_bm25_are_refused(folder):
    with pytest.raises(ValueError, match=r"^k, language: .* has no such option"):
        SparseTextEmbedding(folder, k=1.0, language="english")


def test_unknown_names_are_refused():
    with pytest.raises(ModelNotFoundError, match=r"SparseTextEmbedding\.list_supported_models"):
        SparseTextEmbedding("nosuch")


def test_curated_models():
    rows = {row["model"]: row for row in SparseTextEmbedding.list_supported_models()}
    assert {"Qdrant/bm25", "prithivida/Splade_PP_en_v1", "prithvida/Splade_PP_en_v1"} < rows.keys()
    assert rows["prithivida/Splade_PP_en_v1"]["vocab_size"] == 30522
    assert not rows["prithivida/Splade_PP_en_v1"]["requires_idf"]


@pytest.mark.parametrize("name", ["splade", "sum"])
def test_padding_changes_nothing(name, tmp_path):
    """The masked form is the accelerators'; its arithmetic can be checked on any machine."""
    folder = assemble_splade(SPLADES[name], tmp_path / "model")
    spec = SPARSE.discover(folder, "tiny")
    weights = Weights([("", folder / "model.safetensors")])
    graph = build(ConfigFile.read(folder / "config.json"), weights, spec, masked=True)
    (folder / "masked.onnx").write_bytes(graph.model)
    session = OnnxSession(Program(folder / "masked.onnx", 0, True, ("none",)), ["CPUExecutionProvider"], 1)
    tokens = Tokenizer(folder).encode(TEXTS, 64)
    together = session.run(feeds(session.inputs, tokens, 64, pad_id=7, extra={}))
    alone = [session.run(feeds(session.inputs, [text], len(text.ids), pad_id=7, extra={}))[0] for text in tokens]
    np.testing.assert_allclose(np.maximum(together, 0), np.maximum(alone, 0), atol=1e-5)


def test_the_vocabulary_s_projection_is_not_copied(folder):
    spec = SPARSE.discover(folder, "tiny")
    weights = Weights([("", folder / "model.safetensors")])
    graph = onnx.load_from_string(build(ConfigFile.read(folder / "config.json"), weights, spec, masked=False).model)
    (part,) = [t for t in graph.graph.initializer if t.name.startswith("bert.embeddings.word_embeddings.weight[0:")]
    where = {entry.key: entry.value for entry in part.external_data}
    data = (folder / where["location"]).read_bytes()[int(where["offset"]) :][: int(where["length"])]
    stored = load_file(folder / "model.safetensors")["bert.embeddings.word_embeddings.weight"]
    assert np.frombuffer(data, "<f4").tolist() == stored.ravel().tolist()


def test_large_vocabularies_are_done_in_parts(folder, model, monkeypatch):
    monkeypatch.setattr("rapidembed.graph.blocks.mlm._WORDS_AT_ONCE", 50)
    monkeypatch.setattr("rapidembed.graph.program._BUILDER_VERSION", -1)
    with SparseTextEmbedding(folder, threads=1) as other:  # an engine of its own
        close(other.encode_document(TEXTS), model.encode_document(TEXTS), 1e-5)


@pytest.fixture
def exported(tmp_path):
    """A folder like that of the curated inference-free model: logits' largest in an ONNX file, and idf.json."""
    source = assemble_splade(SPLADES["alone"], tmp_path / "source")
    spec = SPARSE.discover(source, "tiny")
    weights = Weights([("", source / "model.safetensors")])
    graph = build(ConfigFile.read(source / "config.json"), weights, spec, masked=True)
    (source / "export.onnx").write_bytes(graph.model)
    folder = tmp_path / "exported"
    folder.mkdir()
    onnx.save(onnx.load(source / "export.onnx"), folder / "model.onnx")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((source / name).read_bytes())
    vocabulary = read(folder / "tokenizer.json")["model"]["vocab"]
    (folder / "idf.json").write_text(json.dumps({token: 1 + number / 64 for token, number in vocabulary.items()}))
    config = read(source / "config.json") | {"max_position_embeddings": 512}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def rows(embeddings, words):
    found = np.zeros((len(embeddings), words), dtype=np.float32)
    for row, embedding in zip(found, embeddings, strict=True):
        row[embedding.indices] = embedding.values
    return found


@pytest.mark.filterwarnings("ignore::rapidembed.TruncationWarning")
def test_the_inference_free_model_is_fastembed_s(exported, monkeypatch):
    (row,) = [spec for spec in SPARSE.models() if spec.sparse and spec.sparse.query_weights]
    words = REFERENCE["sparse/fastembed-inference-free/0"].shape[1]
    tiny = {"dim": words}
    monkeypatch.setattr(
        "rapidembed.registry.task.find_curated",
        lambda rows, name: type(row)(**{f: getattr(row, f) for f in row.__slots__} | tiny),
    )
    with SparseTextEmbedding(row.name, specific_model_path=exported, max_tokens=64) as model:
        documents, queries = model.encode_document(DOCUMENTS), model.encode_query(QUERIES)
        close([model.encode_query(text) for text in QUERIES], queries)
        close(list(model.query_embed(iter(QUERIES))), queries)
    np.testing.assert_allclose(rows(documents, words), REFERENCE["sparse/fastembed-inference-free/0"], atol=1e-5)
    np.testing.assert_allclose(rows(queries, words), REFERENCE["sparse/fastembed-inference-free/1"], atol=1e-6)


@pytest.mark.parametrize(
    ("path", "changes", "error", "message"),
    [
        ("1_SpladePooling/config.json", {"pooling_strategy": "mean"}, UnsupportedModelError, "'mean' is unknown"),
        ("1_SpladePooling/config.json", {"activation_function": "gelu"}, UnsupportedModelError, "'gelu' is unknown"),
        ("sentence_bert_config.json", {"transformer_task": "feature-extraction"}, UnsupportedModelError, "task"),
        ("config.json", {"architectures": ["BertModel"]}, UnsupportedModelError, "'BertModel' is not supported here"),
        ("config.json", {"tie_word_embeddings": "yes"}, IntegrityError, "expected true or false for tie_word"),
    ],
)
def test_unknown_values_are_refused_by_name(tmp_path, path, changes, error, message):
    file = assemble_splade(SPLADES["splade"], tmp_path / "model") / path
    file.write_text(json.dumps(read(file) | changes))
    with pytest.raises(error, match=message):
        SparseTextEmbedding(tmp_path / "model")


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (
            {"structure": {"query": ["document_0_MLMTransformer"], "document": []}},
            UnsupportedModelError,
            "expected a route",
        ),
        ({"structure": {"query": ["nothing"], "document": []}}, IntegrityError, 'expected "types" and "structure"'),
        ({"types": None}, IntegrityError, 'expected "types" and "structure"'),
    ],
)
def test_unknown_routes_are_refused(tmp_path, changes, error, message):
    file = assemble_splade(SPLADES["looked_up"], tmp_path / "model") / "router_config.json"
    file.write_text(json.dumps(read(file) | changes))
    with pytest.raises(error, match=message):
        SparseTextEmbedding(tmp_path / "model")
