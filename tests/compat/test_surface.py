"""fastembed 0.9.1's names, modules, listings, signatures and errors."""

import copy
import importlib
import json
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rapidembed
import rapidembed.compat
from rapidembed.compat import LateInteractionTextEmbedding, SparseEmbedding, SparseTextEmbedding, TextEmbedding
from rapidembed.compat.rerank.cross_encoder import TextCrossEncoder
from rapidembed.compat.sparse.bm25 import Bm25
from rapidembed.registry import custom
from tokenizers import Tokenizer

from tests.golden.compat_errors import CASES, outcome
from tests.golden.compat_listing import CLASSES, listing
from tests.golden.compat_models import HERE, assemble, rows

EXPECTED = json.loads((HERE / "compat.json").read_text())
COMPAT = rapidembed.compat
MODULES = {
    "": [*CLASSES, "SparseEmbedding", "__version__"],
    ".common": ["ImageInput", "OnnxProvider", "PathInput"],
    ".common.model_description": [
        "BaseModelDescription",
        "DenseModelDescription",
        "ModelSource",
        "PoolingType",
        "SparseModelDescription",
    ],
    ".common.types": ["Device", "ImageInput", "NumpyArray", "OnnxProvider", "PathInput"],
    ".common.utils": ["define_cache_dir", "iter_batch", "last_token_pooling", "mean_pooling", "normalize"],
    ".embedding": ["DefaultEmbedding", "FlagEmbedding", "JinaEmbedding"],
    ".image": ["ImageEmbedding"],
    ".image.image_embedding": ["ImageEmbedding"],
    ".late_interaction": ["LateInteractionTextEmbedding"],
    ".late_interaction.late_interaction_text_embedding": ["LateInteractionTextEmbedding"],
    ".late_interaction.token_embeddings": ["TokenEmbeddingsModel"],
    ".late_interaction_multimodal": ["LateInteractionMultimodalEmbedding"],
    ".late_interaction_multimodal.late_interaction_multimodal_embedding": ["LateInteractionMultimodalEmbedding"],
    ".postprocess": ["Muvera"],
    ".postprocess.muvera": ["Muvera"],
    ".rerank.cross_encoder": ["TextCrossEncoder"],
    ".rerank.cross_encoder.text_cross_encoder": ["TextCrossEncoder"],
    ".sparse": ["SparseEmbedding", "SparseTextEmbedding"],
    ".sparse.bm25": ["Bm25"],
    ".sparse.utils.tokenizer": ["SimpleTokenizer"],
    ".sparse.sparse_embedding_base": ["SparseEmbedding"],
    ".sparse.sparse_text_embedding": ["SparseEmbedding", "SparseTextEmbedding"],
    ".text": ["TextEmbedding"],
    ".text.text_embedding": ["TextEmbedding"],
}


@pytest.fixture(autouse=True)
def no_added_models() -> Iterator[None]:
    before = dict(custom._added)
    yield
    custom._added.clear()
    custom._added.update(before)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What :func:`tests.golden.compat_errors.outcomes` makes, and a model of other kinds."""
    root = tmp_path_factory.mktemp("models")
    for kind, number in (("dense", 24), ("late_interaction", 0), ("rerank", 0), ("sparse", 0)):
        assemble(rows()[kind][number], root / kind)
    return root


@pytest.fixture
def dense(root: Path) -> TextEmbedding:
    return TextEmbedding("thenlper/gte-base", specific_model_path=str(root / "dense"))


def test_modules_and_names() -> None:
    for module, names in MODULES.items():
        found = importlib.import_module(f"rapidembed.compat{module}")
        assert not [name for name in names if not hasattr(found, name)], module


@pytest.mark.parametrize("kind", EXPECTED["classes"])
def test_listings_and_signatures(kind: str) -> None:
    found, wanted = listing(COMPAT)[kind], EXPECTED["classes"][kind]
    assert found["models"] == wanted["models"]
    assert {name: found["methods"].get(name) for name in wanted["methods"]} == wanted["methods"]


@pytest.mark.parametrize("name", CASES)
def test_outcome(name: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTEMBED_CACHE_PATH", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    if name == "custom: the name again":
        outcome(CASES["custom: a name"], COMPAT, root)
    for folder in ("bare", "unset", "free", "huge", "zero"):
        subprocess.run(["rm", "-rf", root / folder], check=True)
    assert outcome(CASES[name], COMPAT, root) == EXPECTED["outcomes"][name]


def test_every_listing_is_fresh_and_described() -> None:
    for name in CLASSES:
        kind = getattr(COMPAT, name)
        kind.list_supported_models()[0].pop("model")
        assert all(row["model"] and row["description"] for row in kind.list_supported_models())
        assert [row.model for row in kind._list_supported_models()]


def test_attributes(dense: TextEmbedding, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTEMBED_CACHE_PATH", str(tmp_path / "cache"))
    model = TextEmbedding("thenlper/gte-base", None, 2, specific_model_path=str(root / "dense"), lazy_load=True)
    assert (model.model_name, model.cache_dir, model.threads) == ("thenlper/gte-base", None, 2)
    assert model.model.cache_dir == str(tmp_path / "cache")
    assert (tmp_path / "cache").is_dir()
    assert model.model._model_dir == root / "dense"
    assert not hasattr(model.model, "model")
    assert model.token_count(["hello world"]) == 4
    assert not hasattr(model.model, "model")
    next(iter(model.embed("hello")))
    assert hasattr(model.model, "model")
    assert hasattr(dense.model, "model")
    assert isinstance(dense.model.tokenizer, Tokenizer)
    assert len(dense.model.tokenizer.encode("a " * 99).ids) == 24
    assert dense.embedding_size == TextEmbedding.get_embedding_size("THENLPER/gte-base") == 768
    assert rapidembed.compat.TextEmbedding.__init__.__defaults__[0] == "BAAI/bge-small-en-v1.5"


def test_copies(dense: TextEmbedding, root: Path) -> None:
    late = LateInteractionTextEmbedding("colbert-ir/colbertv2.0", specific_model_path=root / "late_interaction")
    for model in (dense, late, SparseTextEmbedding("Qdrant/bm25", language="german")):
        expected = next(iter(model.query_embed("ein Fox")))
        for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            found = next(iter(other.query_embed("ein Fox")))
            for one, two in zip(np.atleast_1d(_arrays(found)), np.atleast_1d(_arrays(expected)), strict=True):
                np.testing.assert_array_equal(one, two)


def test_models_of_one_s_own_travel(root: Path) -> None:
    from rapidembed.compat.common.model_description import ModelSource, PoolingType

    TextEmbedding.add_custom_model("mine", PoolingType.MEAN, True, ModelSource(hf="x"), 6, "onnx/model.onnx")
    model = TextEmbedding("MINE", specific_model_path=str(root / "dense"))
    assert "mine" in [row["model"] for row in TextEmbedding.list_supported_models()]
    pickled = pickle.dumps(model)
    custom._added.clear()
    again = pickle.loads(pickled)
    expected = next(iter(TextEmbedding("thenlper/gte-base", specific_model_path=root / "dense").embed("a")))
    np.testing.assert_allclose(next(iter(again.embed("a"))), expected, atol=1e-6)
    assert again.embedding_size == 6


def test_classes_of_added_models(root: Path) -> None:
    from rapidembed.compat.common.model_description import ModelSource, PoolingType
    from rapidembed.compat.rerank.cross_encoder.custom_text_cross_encoder import CustomTextCrossEncoder
    from rapidembed.compat.text.custom_text_embedding import CustomTextEmbedding, PostprocessingConfig

    assert CustomTextEmbedding.SUPPORTED_MODELS == CustomTextCrossEncoder.SUPPORTED_MODELS == []
    TextEmbedding.add_custom_model("one", PoolingType.LAST_TOKEN, False, ModelSource(hf="x"), 6, "onnx/model.onnx")
    TextCrossEncoder.add_custom_model("two", ModelSource(hf="y"))
    (dense,), (pairs,) = CustomTextEmbedding.SUPPORTED_MODELS, CustomTextCrossEncoder.SUPPORTED_MODELS
    assert (dense.model, dense.dim, pairs.model, pairs.sources.hf) == ("one", 6, "two", "y")
    mapped = {"one": PostprocessingConfig(PoolingType.LAST_TOKEN, False)}
    assert mapped == CustomTextEmbedding.POSTPROCESSING_MAPPING
    model = TextEmbedding("One", specific_model_path=root / "dense", lazy_load=True)
    assert isinstance(model.model, CustomTextEmbedding)
    assert type(pickle.loads(pickle.dumps(model)).model) is CustomTextEmbedding
    assert isinstance(TextCrossEncoder("TWO", specific_model_path=root, lazy_load=True).model, CustomTextCrossEncoder)
    CustomTextCrossEncoder.SUPPORTED_MODELS.clear()
    CustomTextEmbedding.SUPPORTED_MODELS = []
    assert CustomTextEmbedding.SUPPORTED_MODELS == CustomTextCrossEncoder.SUPPORTED_MODELS == []
    with pytest.raises(ValueError, match="not supported"):
        TextEmbedding("one")


def test_sparse_embeddings_may_be_changed() -> None:
    vector = SparseEmbedding.from_dict({3: 0.5, 1: 2.0})
    assert vector.indices.tolist() == [3, 1]
    vector.values = vector.values * 2
    assert vector.as_dict() == {3: 1.0, 1: 4.0}
    assert vector.as_object()["values"].tolist() == [1.0, 4.0]
    assert SparseEmbedding.from_dict({}).as_dict() == {}


def test_bm25_by_itself() -> None:
    model = Bm25("Qdrant/bm25", stopwords={"The"})
    (vector,) = model.raw_embed(["The foxes"])
    assert vector.indices.tolist() == [Bm25.compute_token_id("fox")]
    assert (vector.values.dtype, model.language) == (np.float64, "english")
    assert "the" in model.stopwords
    assert Bm25.list_supported_models()[0]["model"] == "Qdrant/bm25"


def test_parallel_and_threads(dense: TextEmbedding, root: Path) -> None:
    texts = ["hello world", "a fox"] * 30
    expected = np.stack(list(dense.embed(texts)))
    for parallel in (0, 1, 2, -1):
        np.testing.assert_allclose(np.stack(list(dense.embed(texts, 8, parallel))), expected, atol=1e-6)
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(list(dense.embed(texts)))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for rows_ in found:
        np.testing.assert_allclose(np.stack(rows_), expected, atol=1e-6)


def test_old_and_misspelt_names(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    sys.modules.pop("rapidembed.compat.embedding", None)
    old = importlib.import_module("rapidembed.compat.embedding")
    assert "old names" in caplog.text
    assert old.DefaultEmbedding is old.FlagEmbedding is TextEmbedding
    with pytest.raises(ValueError, match="jina-embeddings-v2-base-en"):
        old.JinaEmbedding(cache_dir=str(root / "cache"), local_files_only=True)
    with pytest.warns(DeprecationWarning, match="misspelt"):
        model = SparseTextEmbedding("prithvida/Splade_PP_en_v1", specific_model_path=root / "sparse")
    assert model.model_name == "prithvida/Splade_PP_en_v1"


def test_providers_win_over_cuda(root: Path) -> None:
    with pytest.warns(UserWarning, match="cuda=True is ignored"):
        model = TextCrossEncoder(
            "Xenova/ms-marco-MiniLM-L-6-v2",
            specific_model_path=root / "rerank",
            cuda=True,
            providers=["CPUExecutionProvider"],
        )
    assert len(list(model.rerank("a", ["b", "c"]))) == 2


def test_names_of_ours_work_too(minilm: str) -> None:
    model = TextEmbedding(minilm)
    assert model.embedding_size == 384
    np.testing.assert_allclose(
        next(iter(model.embed("hello"))), rapidembed.TextEmbedding(minilm).encode("hello"), atol=1e-6
    )


def test_nothing_of_it_is_on_the_native_path(minilm: str) -> None:
    script = f"""
import sys, rapidembed
rapidembed.TextEmbedding({minilm!r}).encode("a")
rapidembed.SparseTextEmbedding("Qdrant/bm25").encode("a")
print(*[name for name in sys.modules if name.startswith("rapidembed.compat")])
"""
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "\n"


def test_importing_it_loads_no_engine() -> None:
    script = "import sys, rapidembed.compat; print(*{'onnxruntime', 'onnx', 'tokenizers', 'PIL'} & sys.modules.keys())"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "\n"


def _arrays(found: Any) -> Any:
    return [found.indices, found.values] if isinstance(found, SparseEmbedding) else found


@pytest.mark.parametrize(("kind", "number"), [("dense", 24), ("dense", 38), ("late_interaction", 0), ("rerank", 0)])
def test_what_fastembed_downloaded_is_enough(
    kind: str, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = rows()[kind][number]
    repository = (spec.onnx_source.repo if spec.onnx_source else spec.source).replace("/", "--")
    place, commit = tmp_path / f"models--{repository}", "0123456789" * 4
    (place / "refs").mkdir(parents=True)
    (place / "refs" / "main").write_text(commit)
    (place / "snapshots").mkdir()
    snapshot = assemble(spec, place / "snapshots" / commit)
    monkeypatch.setenv("FASTEMBED_CACHE_PATH", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    classes = {"dense": TextEmbedding, "late_interaction": LateInteractionTextEmbedding, "rerank": TextCrossEncoder}
    for options in ({}, {"local_files_only": True}, {"lazy_load": True}):
        assert classes[kind](spec.name, **options).model._model_dir == snapshot
    file = spec.onnx_source.file if spec.onnx_source else "model.safetensors"
    (snapshot / file).unlink()
    with pytest.raises(ValueError, match=f"Could not load model {spec.name}"):
        classes[kind](spec.name)
