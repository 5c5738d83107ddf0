"""BM42 and miniCOIL are fastembed's: see tests/golden/make_words.py."""

import copy
import json
import math
import pickle
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper
from rapidembed import IntegrityError, SparseTextEmbedding, TextEmbedding, TruncationWarning, UnsupportedModelError
from rapidembed.graph import Program
from rapidembed.graph.weights import Weights
from rapidembed.lexical.pieces import whole_words
from rapidembed.lexical.vocabulary import term_id
from rapidembed.registry.config_file import ConfigFile
from rapidembed.registry.encoder import discover_encoder
from rapidembed.runtime.feeds import feeds
from rapidembed.runtime.session import OnnxSession
from rapidembed.runtime.tokenizer import Tokenizer

from tests.fakes import compare
from tests.fakes.graphs import build
from tests.golden.words import BM42, MINICOIL_FILES, SPEC, STOPWORDS, TEXTS, VOCABULARY, assemble

REFERENCE = json.loads((Path(__file__).parents[1] / "golden" / "words.json").read_text(encoding="utf-8"))

pytestmark = pytest.mark.filterwarnings("ignore::rapidembed.TruncationWarning")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return assemble(tmp_path_factory.mktemp("words") / "model")


@pytest.fixture
def minicoil():
    SparseTextEmbedding.add_custom_model(SPEC)
    yield SPEC.name
    SparseTextEmbedding.remove_custom_model(SPEC.name)


@pytest.fixture
def exported(folder, tmp_path):
    """The folder with ONNX files in place of the weights, as the curated repositories have them."""
    copy_ = assemble(tmp_path / "exported")
    for head, file in (("attention", "model.onnx"), ("words", "onnx/model.onnx")):
        path = copy_ / file
        path.parent.mkdir(exist_ok=True)
        config = ConfigFile.read(folder / "config.json")
        weights = Weights([("", folder / "model.safetensors")])
        graph = build(config, weights, discover_encoder(folder, "tiny", head), masked=True)
        (copy_ / "built.onnx").write_bytes(graph.model)
        model = onnx.load(copy_ / "built.onnx")
        if head == "attention":
            spread_over_heads(model)
        onnx.save(model, path)
    (copy_ / "model.safetensors").unlink()
    (copy_ / "modules.json").unlink()
    return copy_


def spread_over_heads(model):
    """Give the attention of the first token as (batch, 2 heads, tokens, tokens), the others' as nonsense."""
    graph = model.graph
    graph.node.append(helper.make_node("Unsqueeze", ["embedding", "axes"], ["row"]))
    graph.node.append(helper.make_node("Neg", ["row"], ["nonsense"]))
    graph.node.append(helper.make_node("Mul", ["row", "factors"], ["heads"]))
    graph.node.append(helper.make_node("Mul", ["nonsense", "factors"], ["others"]))
    graph.node.append(helper.make_node("Concat", ["heads", "others"], ["attention_6"], axis=2))
    graph.initializer.append(onnx.numpy_helper.from_array(np.array([1, 2]), "axes"))
    factors = np.array([0.5, 1.5], dtype=np.float32).reshape(1, 2, 1, 1)
    graph.initializer.append(onnx.numpy_helper.from_array(factors, "factors"))
    dims = ["batch", "heads", "rows", "tokens"]
    graph.output[0].CopyFrom(helper.make_tensor_value_info("attention_6", onnx.TensorProto.FLOAT, dims))


close = partial(compare.close, tolerance=2e-6, relative=2e-5)


def all_forms(model, name):
    expected = REFERENCE[name]
    close(model.encode_document(TEXTS), expected["document"])
    close(model.encode(TEXTS, batch_size=2), expected["document"])
    close([model.encode_document(text) for text in TEXTS], expected["document"])
    close(list(model.passage_embed(iter(TEXTS))), expected["document"])
    close(model.encode_query(TEXTS), expected["query"])
    close(list(model.query_embed(TEXTS)), expected["query"])
    close([model.encode_query(text) for text in TEXTS], expected["query"])
    assert model.requires_idf


def test_bm42_on_a_built_graph(folder):
    with SparseTextEmbedding(BM42, specific_model_path=folder) as model:
        assert model.info.weights == folder / "model.safetensors"
        assert model.info.head == "attention"
        assert model.vocab_size == 30522
        all_forms(model, "bm42")


def test_bm42_on_an_onnx_file(exported):
    with SparseTextEmbedding(BM42, specific_model_path=exported, max_tokens=64) as model:
        assert model.info.weights == exported / "model.onnx"
        all_forms(model, "bm42")


def test_minicoil_on_a_built_graph(folder, minicoil):
    with SparseTextEmbedding(minicoil, specific_model_path=folder) as model:
        assert model.info.weights == folder / "model.safetensors"
        all_forms(model, "minicoil")


def test_minicoil_on_an_onnx_file(exported, minicoil):
    with SparseTextEmbedding(minicoil, specific_model_path=exported, max_tokens=64) as model:
        assert model.info.weights == exported / "onnx" / "model.onnx"
        all_forms(model, "minicoil")


@pytest.mark.parametrize("name", [BM42, SPEC.name])
def test_onnx_files_have_one_precision(exported, minicoil, name):
    with pytest.raises(UnsupportedModelError, match="runs its own ONNX file, whose precision is fixed"):
        SparseTextEmbedding(name, specific_model_path=exported, precision="int8")


@pytest.mark.skipif(find_spec("openvino") is None, reason="needs OpenVINO")
@pytest.mark.parametrize(("name", "reference"), [(BM42, "bm42"), (SPEC.name, "minicoil")])
def test_onnx_files_in_openvino(exported, minicoil, name, reference):
    with SparseTextEmbedding(name, specific_model_path=exported, max_tokens=64, backend="openvino") as model:
        assert model.info.backend == "openvino"
        all_forms(model, reference)


@pytest.mark.parametrize("file", ["model.onnx", "onnx/model.onnx"])
def test_padding_changes_nothing(exported, file):
    """Accelerators pad; what they compute can be checked on any machine."""
    session = OnnxSession(Program(exported / file, 0, True, ("none",)), ["CPUExecutionProvider"], 1)
    tokens = Tokenizer(exported).encode(TEXTS, 64)
    together = session.run(feeds(session.inputs, tokens, 64, pad_id=7, extra={}))
    for row, text in zip(together, tokens, strict=True):
        length = len(text.ids)
        alone = session.run(feeds(session.inputs, [text], length, pad_id=7, extra={}))[0]
        padded = row[:, :1, :length] if row.ndim == 3 else row[:length]
        np.testing.assert_allclose(padded, alone[:, :1] if row.ndim == 3 else alone, atol=1e-6)


def test_options(folder, minicoil):
    with SparseTextEmbedding(BM42, specific_model_path=folder, alpha=0.2) as model:
        close(model.encode(TEXTS), REFERENCE["bm42"]["alpha=0.2"])
    for name, value in (("k", 2.0), ("b", 0.3), ("avg_len", 5.0)):
        with SparseTextEmbedding(minicoil, specific_model_path=folder, **{name: value}) as model:
            close(model.encode(TEXTS), REFERENCE["minicoil"][name])


async def test_async_forms_copies_and_fingerprints(folder):
    with SparseTextEmbedding(BM42, specific_model_path=folder, alpha=0.3) as model:
        expected = model.encode(TEXTS)
        assert await model.aencode_document(TEXTS) == expected
        assert await model.aencode_query("dogs") == model.encode_query("dog")
        for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            assert other.encode(TEXTS) == expected
            assert other.fingerprint == model.fingerprint
            other.close()
        with SparseTextEmbedding(BM42, specific_model_path=folder) as plain:
            assert plain.fingerprint != model.fingerprint


def test_cut_texts_are_warned_of_in_both_roles(folder):
    with SparseTextEmbedding(BM42, specific_model_path=folder) as model:
        for encode in (model.encode_document, model.encode_query):
            with pytest.warns(TruncationWarning, match="1 of 2 texts had more than 64 tokens"):
                encode(["a", "the dog " * 100])


def test_bm42_on_real_weights(minilm):
    """The weights are those of the curated model; its stopwords are those of the language."""
    text = "The cat sat on the mat, and the astronomers' telescope saw nothing."
    with TextEmbedding(minilm, lazy_load=True) as known:
        folder = known.info.weights.parent
    with SparseTextEmbedding(BM42, specific_model_path=folder) as model:
        weights = model.encode_document(text).as_dict()
        query = model.encode_query("astronomer's telescopes").as_dict()
    terms = {word: term_id(word) for word in ("cat", "sat", "mat", "astronom", "telescop", "saw", "noth")}
    assert weights.keys() == set(terms.values())
    assert query == {terms["astronom"]: 1.0, terms["telescop"]: 1.0}
    assert weights[terms["astronom"]] > weights[terms["saw"]]
    assert sum(math.expm1(value**2) for value in weights.values()) < 1  # of all attention, that to the others is left


def test_which_options_are_whose(folder, minicoil):
    for name, options, message in (
        (BM42, {"k": 1.0}, r"^k: Qdrant/bm42\S* has no such option"),
        ("Qdrant/minicoil-v1", {"alpha": 0.5, "language": "english"}, "^language, alpha: Qdrant/minicoil-v1"),
        ("Qdrant/bm25", {"alpha": 0.5}, "^alpha: Qdrant/bm25 has no such option"),
        (BM42, {"alpha": 0}, "alpha must be a positive number, got 0"),
        (BM42, {"alpha": math.nan}, "alpha must be a positive number"),
    ):
        with pytest.raises(ValueError, match=message):
            SparseTextEmbedding(name, lazy_load=True, **options)


def test_curated_rows():
    rows = {row["model"]: row for row in SparseTextEmbedding.list_supported_models()}
    for name, size in ((BM42, 30522), ("Qdrant/minicoil-v1", 19125)):
        assert (rows[name]["vocab_size"], rows[name]["requires_idf"]) == (size, True)


def broken(name, path):
    if name == "cut":
        path.write_bytes(path.read_bytes()[:-8])
    elif name == "shape":
        np.save(path.with_suffix(".tmp.npy"), np.zeros((3, 32, 4), np.float32))
        path.with_suffix(".tmp.npy").rename(path)
    elif name == "pickle":
        np.save(path.with_suffix(".tmp.npy"), np.array([{}], dtype=object), allow_pickle=True)
        path.with_suffix(".tmp.npy").rename(path)
    else:
        path.write_text(json.dumps(name))


@pytest.mark.parametrize(
    ("file", "damage", "message"),
    [
        (2, "cut", "no complete array file"),
        (2, "shape", r"expected floats of shape \(9, 32, n\), got float32 \(3, 32, 4\)"),
        (2, "pickle", "no complete array file"),
        (1, [], "expected a JSON object"),
        (1, {"vocab": [1]}, "expected vocab to be a list of words"),
        (1, {"vocab": VOCABULARY, "stem_mapping": {"x": "nosuch"}}, "expected stem_mapping to map stems to words"),
    ],
)
def test_damaged_files(tmp_path, minicoil, file, damage, message):
    folder = assemble(tmp_path / "model")
    broken(damage, folder / MINICOIL_FILES[file])
    with pytest.raises(IntegrityError, match=message):
        SparseTextEmbedding(minicoil, specific_model_path=folder)


def test_missing_files_are_named(tmp_path, minicoil):
    folder = assemble(tmp_path / "model")
    (folder / MINICOIL_FILES[2]).unlink()
    with pytest.raises(UnsupportedModelError, match=r"has no minicoil\.triplet\.model\.npy"):
        SparseTextEmbedding(minicoil, specific_model_path=folder)
    (folder / "stopwords.txt").unlink()
    with SparseTextEmbedding(BM42, specific_model_path=folder) as model:  # the language's
        assert not {term_id("the"), term_id("and")} & set(model.encode("the dog and hers").indices.tolist())
        assert len(model.encode("hers")) == 0
    assert "hers" not in STOPWORDS


def test_words_from_pieces():
    assert whole_words(["[CLS]", "run", "##ning", "##", ".", "##x", "[SEP]"], {"[CLS]", "[SEP]"}) == [
        ("running", [1, 2, 3]),
        (".x", [4, 5]),
    ]
    assert whole_words(["##s", "a"]) == [("s", [0]), ("a", [1])]
    assert whole_words([]) == []
