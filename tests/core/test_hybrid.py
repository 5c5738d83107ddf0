"""BGE-M3's three kinds of vectors, at once and one by one: see tests/golden/make_hybrid.py."""

import copy
import json
import pickle
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest
from rapidembed import (
    Hybrid,
    HybridTextEmbedding,
    IntegrityError,
    LateInteractionTextEmbedding,
    ModelSpec,
    OnnxSource,
    SparseTextEmbedding,
    TextEmbedding,
    TruncationWarning,
    UnsupportedModelError,
)
from rapidembed.graph import Program
from rapidembed.graph.weights import Weights
from rapidembed.registry import TEXT
from rapidembed.registry.config_file import ConfigFile
from rapidembed.registry.hybrid import discover_hybrid
from rapidembed.runtime.feeds import feeds
from rapidembed.runtime.session import OnnxSession
from rapidembed.runtime.tokenizer import Tokenizer
from safetensors.numpy import save_file

from tests.fakes import compare
from tests.fakes.graphs import build
from tests.golden.hybrid import TEXTS, assemble, write

EXPECTED = json.loads((Path(__file__).parents[1] / "golden" / "hybrid.json").read_text(encoding="utf-8"))["expected"]
SPEC = ModelSpec(
    name="my/m3",
    dim=16,
    head="hybrid",
    pooling=("cls",),
    normalize=True,
    vocab_size=112,
    hybrid=Hybrid(),
    onnx_source=OnnxSource(repo="my/m3", file="onnx/model.onnx"),
)

pytestmark = pytest.mark.filterwarnings("ignore::rapidembed.TruncationWarning")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return assemble(tmp_path_factory.mktemp("hybrid") / "model")


@pytest.fixture(scope="module")
def model(folder):
    with HybridTextEmbedding(folder) as model:
        yield model


@pytest.fixture
def added():
    HybridTextEmbedding.add_custom_model(SPEC)
    yield SPEC.name
    HybridTextEmbedding.remove_custom_model(SPEC.name)


@pytest.fixture
def exported(folder, tmp_path):
    """The folder with an ONNX file of the encoder, as the published one, in place of its weights."""
    copied = assemble(tmp_path / "exported")
    spec = TEXT.discover(folder, "tiny")
    tokens = ModelSpec(name="tiny", dim=16, head="tokens", architecture=spec.architecture)
    weights = Weights([("", folder / "model.safetensors")])
    graph = build(ConfigFile.read(folder / "config.json"), weights, tokens, masked=True)
    (copied / "built.onnx").write_bytes(graph.model)
    (copied / "onnx").mkdir()
    onnx.save(onnx.load(copied / "built.onnx"), copied / "onnx" / "model.onnx")
    for file in ("model.safetensors", "modules.json"):
        (copied / file).unlink()
    return copied


close = partial(compare.close, tolerance=2e-6, relative=1e-5)


def same(found, expected):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        close(
            [one.dense, one.token_vectors, one.sparse], [other[kind] for kind in ("dense", "token_vectors", "sparse")]
        )


@pytest.mark.parametrize("batch_size", [1, 3, 256])
def test_all_at_once(model, batch_size):
    for encode in (model.encode, model.encode_query, model.encode_document):
        same(encode(TEXTS, batch_size=batch_size), EXPECTED)
        same([encode(text) for text in TEXTS], EXPECTED)
    for iterate in (model.embed, model.query_embed, model.passage_embed):
        same(list(iterate(iter(TEXTS), batch_size=batch_size)), EXPECTED)
    assert model.encode([]) == []


def each_by_itself(name, **options):
    with TextEmbedding(name, **options) as dense:
        for vectors in (dense.encode(TEXTS), [dense.encode_query(text) for text in TEXTS]):
            close(vectors, [text["dense"] for text in EXPECTED])
    with SparseTextEmbedding(name, **options) as sparse:
        close(sparse.encode(TEXTS) + sparse.encode_query(TEXTS), [text["sparse"] for text in EXPECTED] * 2)
        assert (sparse.vocab_size, sparse.requires_idf) == (112, False)
    with LateInteractionTextEmbedding(name, **options) as late:
        expected = [text["token_vectors"] for text in EXPECTED]
        close(late.encode_document(TEXTS) + late.encode_query(TEXTS), expected * 2)


def test_each_by_itself(folder):
    each_by_itself(folder)


def test_each_by_itself_on_an_onnx_file(exported, added):
    options = {"specific_model_path": exported, "max_tokens": 40}
    with HybridTextEmbedding(added, **options) as model:
        assert model.info.weights == exported / "onnx" / "model.onnx"
        same(model.encode(TEXTS), EXPECTED)
    each_by_itself(added, **options)


@pytest.mark.parametrize(
    "facade", [HybridTextEmbedding, TextEmbedding, SparseTextEmbedding, LateInteractionTextEmbedding]
)
def test_the_onnx_file_has_one_precision(exported, added, facade):
    with pytest.raises(UnsupportedModelError, match="runs its own ONNX file, whose precision is fixed"):
        facade(added, specific_model_path=exported, precision="int8")


def test_four_facades_share_one_engine(folder, added):
    options = {"specific_model_path": folder}
    facades = (HybridTextEmbedding, TextEmbedding, SparseTextEmbedding, LateInteractionTextEmbedding)
    models = [facade(added, **options) for facade in facades]
    assert len({id(model._model.lease.engine) for model in models}) == 1
    same(models[0].encode(TEXTS[:3]), EXPECTED[:3])
    close(models[1].encode(TEXTS[:3]), [text["dense"] for text in EXPECTED[:3]])
    for model in models:
        model.close()


def test_layers_in_safetensors(tmp_path):
    folder = assemble(tmp_path / "model")
    for layer in ("colbert_linear", "sparse_linear"):
        weights = Weights([("", folder / f"{layer}.pt")])
        save_file({name: weights.float32(name).copy() for name in weights.names}, folder / f"{layer}.safetensors")
        (folder / f"{layer}.pt").unlink()
    with HybridTextEmbedding(folder) as model:
        same(model.encode(TEXTS), EXPECTED)


def test_padding_changes_nothing(folder):
    """Accelerators pad; what they compute can be checked on any machine."""
    files = [("token_vectors/", "colbert_linear.pt"), ("token_weights/", "sparse_linear.pt")]
    weights = Weights([("", folder / "model.safetensors"), *((prefix, folder / file) for prefix, file in files)])
    config = ConfigFile.read(folder / "config.json")
    graph = build(config, weights, discover_hybrid(folder, "tiny"), masked=True)
    converted = {name: weights.float32(name) for name in graph.converted}
    program = Program(graph.model, 0, True, ("none",), folder=weights.folder, given=converted)
    session = OnnxSession(program, ["CPUExecutionProvider"], 1)
    tokens = Tokenizer(folder).encode(TEXTS, 40)
    together = session.run(feeds(session.inputs, tokens, 40, pad_id=1, extra={}))
    for row, text in zip(together, tokens, strict=True):
        length = len(text.ids)
        alone = session.run(feeds(session.inputs, [text], length, pad_id=1, extra={}))[0]
        np.testing.assert_allclose(row[:length], alone, atol=1e-5)


async def test_async_forms_copies_and_fingerprints(model, folder):
    same(await model.aencode(TEXTS), EXPECTED)
    same([await model.aencode_query(TEXTS[2]), await model.aencode_document(TEXTS[2])], [EXPECTED[2]] * 2)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        same(other.encode(TEXTS[:2]), EXPECTED[:2])
        assert other.fingerprint == model.fingerprint
        other.close()
    with HybridTextEmbedding(folder, max_tokens=8) as other:
        assert other.fingerprint != model.fingerprint


def test_results_do_not_keep_the_batch(model):
    found = model.encode(TEXTS)[2]
    for array in (found.dense, found.token_vectors, found.sparse.values):
        assert array.base is None or array.base.nbytes <= 2 * array.nbytes


def test_facts(model):
    assert (model.embedding_size, model.vocab_size) == (16, 112)
    assert model.info.head == "hybrid"
    assert model.token_count(["a", ""]) == 5
    assert HybridTextEmbedding.get_embedding_size("baai/bge-m3") == 1024
    for facade in (HybridTextEmbedding, TextEmbedding, SparseTextEmbedding, LateInteractionTextEmbedding):
        rows = {row["model"]: row for row in facade.list_supported_models()}
        assert rows["BAAI/bge-m3"]["dim"] == 1024
    assert rows["BAAI/bge-m3"]["max_tokens"] == 8192
    (row,) = [row for row in SparseTextEmbedding.list_supported_models() if row["model"] == "BAAI/bge-m3"]
    assert (row["vocab_size"], row["requires_idf"]) == (250002, False)


def test_cut_texts_are_warned_of(model):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.encode(TEXTS)
    assert [(warning.category, warning.filename) for warning in caught] == [(TruncationWarning, __file__)]


def test_missing_and_damaged_layers(tmp_path):
    folder = assemble(tmp_path / "model")
    layer = folder / "sparse_linear.pt"
    content = layer.read_bytes()
    layer.write_bytes(content[:-9])
    with pytest.raises(IntegrityError, match=r"sparse_linear\.pt"):
        HybridTextEmbedding(folder)
    layer.write_bytes((folder / "colbert_linear.pt").read_bytes())
    with pytest.raises(IntegrityError, match=r"'token_weights/weight' has shape \(16, 16\)"):
        HybridTextEmbedding(folder).encode("a")
    layer.unlink()
    with pytest.raises(UnsupportedModelError, match=r"has no colbert_linear\.pt or .* and sparse_linear\.pt or"):
        HybridTextEmbedding(folder)
    write(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": 16, "pooling_mode_mean_tokens": True})
    layer.write_bytes(content)
    with pytest.raises(UnsupportedModelError, match="expected the modules of BGE-M3"):
        HybridTextEmbedding(folder)
