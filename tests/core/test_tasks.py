"""What holds for every facade: where files come from, what belongs to a model, models of the user's own."""

import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import rapidembed
from rapidembed import (
    IntegrityError,
    LateInteraction,
    LateInteractionTextEmbedding,
    ModelSpec,
    OnnxSource,
    SparseTextEmbedding,
    SparseWeights,
    TextCrossEncoder,
    TextEmbedding,
    UnsupportedModelError,
)
from rapidembed.graph.weights import Weights
from rapidembed.registry import RERANK, TASKS
from rapidembed.registry.config_file import ConfigFile

from tests.core.test_assemble import shard
from tests.core.test_vocabulary import write_vocabulary
from tests.fakes.compare import close
from tests.fakes.graphs import build
from tests.fakes.here import load
from tests.fakes.hub import FakeHub
from tests.fakes.onnx_models import write_hidden_states
from tests.fakes.process import start
from tests.fakes.results import DOCUMENTS, QUERY, scores, token_vectors, weights
from tests.golden.heads import (
    COLBERTS,
    RERANKERS,
    SPLADES,
    assemble_colbert,
    assemble_reranker,
    assemble_splade,
)

DENSE = Path(__file__).parents[1] / "golden" / "base"
FACADES = [getattr(rapidembed, task.facade) for task in TASKS.values()]


@dataclass(frozen=True)
class Case:
    """A model of one facade, and a call of it."""

    facade: str
    assemble: Any
    variant: Any
    call: Callable[[Any], Any]
    modules: tuple[str, ...] = ()
    """Weights beside the encoder's."""
    encoder: str = ""
    """Folder of the encoder."""

    @property
    def weights(self) -> tuple[str, ...]:
        return (f"{self.encoder}/model.safetensors".lstrip("/"), *self.modules)

    def write(self, folder: Path) -> Path:
        return self.assemble(self.variant, folder)

    def make(self, *arguments: Any, **options: Any) -> Any:
        return getattr(rapidembed, self.facade)(*arguments, **options)

    def result(self, model: Any) -> Any:
        return self.call(model)


CASES = {
    "reranker": Case("TextCrossEncoder", assemble_reranker, RERANKERS["plain"], scores),
    "reranker_6": Case("TextCrossEncoder", assemble_reranker, RERANKERS["layout_6"], scores),
    "late": Case(
        "LateInteractionTextEmbedding",
        assemble_colbert,
        COLBERTS["fixed"],
        token_vectors,
        ("1_Dense/model.safetensors",),
    ),
    "colbert": Case("LateInteractionTextEmbedding", assemble_colbert, COLBERTS["authors"], token_vectors),
    "sparse": Case("SparseTextEmbedding", assemble_splade, SPLADES["splade"], weights),
    "looked_up": Case(
        "SparseTextEmbedding",
        assemble_splade,
        SPLADES["looked_up"],
        weights,
        ("query_0_SparseStaticEmbedding/model.safetensors",),
        "document_0_MLMTransformer",
    ),
}


@pytest.fixture(params=list(CASES))
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture
def folder(case: Case, tmp_path: Path) -> Path:
    return case.write(tmp_path / "model")


def add(spec: ModelSpec) -> None:
    for facade in FACADES:
        if spec.head in facade._task.heads:
            facade.add_custom_model(spec)


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    """Every test starts without added models."""
    yield
    for facade in FACADES:
        for row in facade.list_supported_models():
            if row["model"].startswith("my/"):
                facade.remove_custom_model(row["model"])


# Files


# One of every class; how the other three lie in their folders, test_shards and others say.
@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=name, marks=[pytest.mark.slow] if name in ("reranker_6", "colbert", "sparse") else [])
        for name, case in CASES.items()
    ],
)
def test_from_the_hub_and_mended_there(case: Case, folder: Path, tmp_path: Path) -> None:
    with case.make(folder) as model:
        expected = case.result(model)
    run = {"facade": case.facade, "call": case.call, "model_name": "someone/tiny"}
    with FakeHub({"someone/tiny": folder}) as hub:
        found = load(hub.url, tmp_path / "cache", **run)
        close(found["vector"], expected, 1e-5)
        hub.requests.clear()
        warm = load(hub.url, tmp_path / "cache", **run)
        close(warm["vector"], expected, 1e-5)
        assert hub.requests == []
        for file in case.weights:
            (path,) = (tmp_path / "cache").glob(f"models--someone--tiny/snapshots/*/{file}")
            path.resolve().write_bytes(path.read_bytes()[:-8])
            mended = load(hub.url, tmp_path / "cache", **run)
            close(mended["vector"], expected, 1e-5)


def test_shards(case: Case, folder: Path) -> None:
    expected = case.result(case.make(folder))
    shard(folder / case.encoder)
    if case is CASES["colbert"]:
        with pytest.raises(UnsupportedModelError, match=r"has no model\.safetensors, which says how wide"):
            case.make(folder)
    else:
        close(case.result(case.make(folder)), expected, 1e-5)


def test_a_vocabulary_alone(case: Case, folder: Path) -> None:
    expected = case.result(case.make(folder))
    write_vocabulary(folder / case.encoder)
    close(case.result(case.make(folder)), expected, 1e-5)


def test_weights_of_modules_belong_to_the_model(case: Case, folder: Path, tmp_path: Path) -> None:
    with case.make(folder) as model:
        first = model.fingerprint
        shutil.copytree(folder, tmp_path / "copy")
        with case.make(tmp_path / "copy") as copy:
            assert copy.fingerprint == first
        for file in case.weights:
            content = bytearray((folder / file).read_bytes())
            content[-1] ^= 1
            (folder / file).write_bytes(content)
            with pytest.raises(IntegrityError, match="changed while"):
                _ = model.fingerprint
            with case.make(folder) as other:
                assert other.fingerprint != first


def test_copies(case: Case, folder: Path) -> None:
    with case.make(folder) as model, pickle.loads(pickle.dumps(model)) as copy:
        assert copy.info == model.info
        close(case.result(copy), case.result(model), 1e-5)


# Models of the user's own

RERANKER = {"dim": 1, "head": "classification", "source": "someone/tiny"}
LATE = {"dim": 8, "head": "tokens", "normalize": True, "source": "someone/tiny"}
SPARSE = {"dim": 112, "head": "mlm", "source": "someone/tiny"}
SPECS = {
    "reranker": RERANKER | {"max_tokens": 7},
    "late": LATE | {"late": LateInteraction(query_length=6, expansion_length=6, skip=("the", ":"))},
    "sparse": SPARSE | {"sparse": SparseWeights(logs=2)},
}


@pytest.mark.filterwarnings("ignore::rapidembed.TruncationWarning")
@pytest.mark.parametrize("name", SPECS)
def test_added_by_spec_its_word_wins(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    folder = case.write(tmp_path / "model")
    expected = case.result(case.make(folder))
    spec = ModelSpec(name="my/model", **SPECS[name])
    facade = getattr(rapidembed, case.facade)
    facade.add_custom_model(spec)
    facade.add_custom_model(spec)
    assert [row["model"] for row in facade.list_supported_models()].count("my/model") == 1
    with case.make("My/Model", specific_model_path=folder) as model:
        found = case.result(model)
        if name == "reranker":
            assert (model.info.max_tokens, found != expected) == (7, True)
        elif name == "late":
            assert len(found[0]) == 6 * 8
            assert len(found[2]) == len(expected[2]) - 8  # "the" has no vector
        else:
            close([[w for _, w in e] for e in found], [np.log1p([w for _, w in e]).tolist() for e in expected], 1e-5)
        with FakeHub({"someone/tiny": folder}) as hub:
            run = {"facade": case.facade, "call": case.call, "model_name": "my/model"}
            fetched = load(hub.url, tmp_path / "cache", **run)
            close(fetched["vector"], found, 1e-5)
            if name == "late":
                before = f"import pickle; pickle.loads({pickle.dumps(model)!r}).close()"
                elsewhere = start(hub.url, tmp_path / "cache", before=before, **run)
                close(elsewhere["vector"], found, 1e-5)
    facade.remove_custom_model("MY/model")
    with pytest.raises(ValueError, match="No model 'my/model' was added"):
        facade.remove_custom_model("my/model")


def test_a_reranker_by_fastembeds_keywords(tmp_path: Path) -> None:
    source = assemble_reranker(RERANKERS["plain"], tmp_path / "source")
    spec = RERANK.discover(source, "tiny")
    weights = Weights([("", source / "model.safetensors")])
    graph = build(ConfigFile.read(source / "config.json"), weights, spec, masked=True)
    (source / "export.onnx").write_bytes(graph.model)
    repo = tmp_path / "repo"
    repo.mkdir()
    onnx.save(onnx.load(source / "export.onnx"), repo / "mine.onnx")
    for file in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(source / file, repo)
    TextCrossEncoder.add_custom_model(
        model="my/reranker",
        sources={"hf": "someone/tiny"},
        model_file="mine.onnx",
        description="mine",
        license="mit",
        size_in_gb=0.1,
    )
    (row,) = [row for row in TextCrossEncoder.list_supported_models() if row["model"] == "my/reranker"]
    assert (row["description"], row["license"], row["model_file"]) == ("mine", "mit", "mine.onnx")
    with TextCrossEncoder("my/reranker", specific_model_path=repo) as model, TextCrossEncoder(source) as expected:
        assert model.info.weights.name == "mine.onnx"
        np.testing.assert_allclose(model.score(QUERY, DOCUMENTS), expected.score(QUERY, DOCUMENTS), atol=1e-5)
        TextCrossEncoder.add_custom_model("my/r", "a/b", "mine.onnx")
        with FakeHub({"a/b": repo}) as hub:
            found = load(hub.url, tmp_path / "cache", facade="TextCrossEncoder", call=scores, model_name="my/r")
        np.testing.assert_allclose(found["vector"], expected.score(QUERY, DOCUMENTS), atol=1e-5)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"model": ""}, ValueError, "model must be a non-empty str"),
        ({"sources": None}, ValueError, "sources must name a hub repository"),
        ({"additional_files": ["x.data"]}, ValueError, "additional_files belong to a model_file"),
        ({"max_tokens": 0}, ValueError, "max_tokens must be a positive integer"),
        ({"model": "baai/bge-reranker-base"}, ValueError, "is a curated model"),
        ({"dim": 1}, TypeError, "dim"),
    ],
)
def test_impossible_rerankers(change: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        TextCrossEncoder.add_custom_model(**{"model": "my/reranker", "sources": "a/b"} | change)
    with pytest.raises(TypeError, match="A ModelSpec says everything"):
        TextCrossEncoder.add_custom_model(ModelSpec(name="my/model", **RERANKER), max_tokens=3)


def test_one_name_for_a_model_of_each_facade(tmp_path: Path) -> None:
    dense = ModelSpec(name="my/model", dim=32, pooling=("cls",), source="someone/tiny")
    TextEmbedding.add_custom_model(dense)
    for values in (RERANKER, LATE, SPARSE):
        add(ModelSpec(name="my/model", **values))
    folder = assemble_reranker(RERANKERS["plain"], tmp_path / "model")
    with TextCrossEncoder("my/model", specific_model_path=folder) as model:
        assert model.info.head == "classification"
    TextCrossEncoder.remove_custom_model("my/model")
    with TextEmbedding("my/model", specific_model_path=DENSE) as model:
        assert model.info.pooling == ("cls",)
    assert LateInteractionTextEmbedding.get_embedding_size("my/model") == 8


@pytest.mark.parametrize("facade", FACADES)
def test_models_of_other_facades_are_refused(facade: Any) -> None:
    for values in (RERANKER, LATE, SPARSE, {"dim": 4, "head": "pool", "pooling": ("mean",)}):
        if values["head"] not in facade._task.heads:
            with pytest.raises(
                ValueError, match=rf"{facade.__name__} runs models .*, got 'my/model' with '{values['head']}'"
            ):
                facade.add_custom_model(ModelSpec(name="my/model", **values))


def test_taken_and_impossible_names() -> None:
    for facade, name, values in (
        (SparseTextEmbedding, "qdrant/BM25", SPARSE),
        (SparseTextEmbedding, "prithivida/Splade_PP_en_v1", SPARSE),
        (LateInteractionTextEmbedding, "colbert-ir/colbertv2.0", LATE),
    ):
        with pytest.raises(ValueError, match="is a curated model; choose another name"):
            facade.add_custom_model(ModelSpec(name=name, **values))
    for facade in (SparseTextEmbedding, LateInteractionTextEmbedding):
        with pytest.raises(TypeError, match="add_custom_model takes a ModelSpec, got str"):
            facade.add_custom_model("my/model")


def test_an_added_onnx_model_without_pooling_says_so_when_it_is_built() -> None:
    TextEmbedding.add_custom_model(ModelSpec(name="my/model", dim=32, source="someone/tiny"))
    with pytest.raises(UnsupportedModelError, match='"none" is for ONNX files that return vectors'):
        TextEmbedding("my/model", specific_model_path=DENSE)


def test_installed_packages_register_models_of_every_facade(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "their_models.py").write_text(
        "from rapidembed import ModelSpec\n"
        'DENSE = ModelSpec(name="their/one", dim=32, pooling=("cls",), source="someone/tiny")\n'
        'OTHERS = [ModelSpec(name="their/one", dim=1, head="classification", source="someone/tiny"),\n'
        '          ModelSpec(name="their/late", dim=8, head="tokens", source="someone/tiny")]\n'
    )
    info = site / "their_models-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-models\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[rapidembed.models]\none = their_models:DENSE\nothers = their_models:OTHERS\n"
    )
    script = (
        "import json, rapidembed\n"
        "facades = ['TextEmbedding', 'TextCrossEncoder', 'LateInteractionTextEmbedding', 'SparseTextEmbedding']\n"
        "rows = {name: getattr(rapidembed, name).list_supported_models() for name in facades}\n"
        "print(json.dumps({n: [r['model'] for r in rs if r['model'].startswith('their/')] for n, rs in rows.items()}))"
    )
    path = os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert list(json.loads(done.stdout).values()) == [["their/one"], ["their/one"], ["their/late"], []]


def test_an_onnx_file_of_the_users_own_gives_token_vectors(tmp_path: Path) -> None:
    """Row i of the table is i, 32 times, so the vectors are worked out from the token ids."""
    repo = tmp_path / "repo"
    repo.mkdir()
    for file in ("config.json", "tokenizer.json"):
        shutil.copy(DENSE / file, repo)
    write_hidden_states(repo / "mine.onnx", "mine.data", 0, None)
    (repo / "mine.data").write_bytes(np.repeat(np.arange(256, dtype=np.float32), 32).tobytes())
    onnx_source = OnnxSource(repo="a/b", file="mine.onnx")
    spec = ModelSpec(name="my/late", dim=32, head="tokens", late=LateInteraction(), onnx_source=onnx_source)
    LateInteractionTextEmbedding.add_custom_model(spec)
    with LateInteractionTextEmbedding("my/late", specific_model_path=repo) as model:
        ids = model._loaded().tokenizer.encode([QUERY], 64)[0].ids
        np.testing.assert_allclose(model.encode_document(QUERY), np.repeat(ids, 32).reshape(-1, 32), rtol=1e-6)
