"""What every reranker must do, in every framework; and what each has of its own."""

import asyncio
import copy
import gc
import os
import pickle
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from rapidembed import LateInteractionTextEmbedding, TextCrossEncoder, max_sim
from rapidembed.runtime import lease

from tests.golden import heads
from tests.integrations.rerankers import RERANKERS, Reranker

ROOT = Path(__file__).parents[2]
QUERY = "the lazy dog"
TEXTS = ["hello world", "the lazy dog", "", "a quick brown fox", "over the dog", "hello world"]

_FRESH = """
import json, pickle, sys
from tests.integrations.rerankers import RERANKERS
adapter, how, path, query, *texts = RERANKERS[sys.argv[1]], *sys.argv[2:]
with open(path, "rb") as file:
    made = adapter.load(file.read().decode()) if how == "load" else pickle.load(file)
print(json.dumps(adapter.rank(made, query, adapter.wrap(texts))))
"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, str]:
    root = tmp_path_factory.mktemp("rerankers")
    cross = heads.assemble_reranker(heads.RERANKERS["plain"], root / "cross")
    late = heads.assemble_colbert(heads.COLBERTS["authors"], root / "late")
    return {False: str(cross), True: str(late)}


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("labels") / "model"
    return str(heads.assemble_reranker(heads.RERANKERS["three_labels"], folder))


@pytest.fixture(params=list(RERANKERS))
def adapter(request: pytest.FixtureRequest) -> Reranker:
    return RERANKERS[request.param]


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    return request.node.callspec.params["adapter"]


@pytest.fixture
def folder(adapter: Reranker, folders: dict[bool, str]) -> str:
    return folders[adapter.late]


def expected(adapter: Reranker, folder: str, texts: list[str]) -> list[tuple[str, float]]:
    if adapter.late:
        with LateInteractionTextEmbedding(folder) as model:
            scores = max_sim(model.encode_query(QUERY), model.encode_document(texts))
    else:
        with TextCrossEncoder(folder) as model:
            scores = model.score(QUERY, texts)
    return [(texts[i], float(scores[i])) for i in np.argsort(-scores, kind="stable")]


def same(found, wanted) -> None:
    assert [text for text, _ in found] == [text for text, _ in wanted]
    np.testing.assert_allclose([score for _, score in found], [score for _, score in wanted], atol=1e-6)


async def test_the_best_come_first_with_plain_scores(adapter: Reranker, folder: str) -> None:
    made, wanted = adapter.make(folder, **{adapter.top: None}), expected(adapter, folder, TEXTS)
    documents = adapter.wrap(TEXTS)
    found = adapter.rank(made, QUERY, documents)
    same(found, wanted)
    same(await adapter.arank(made, QUERY, documents), wanted)
    assert {type(score) for _, score in found} == {float}
    top = adapter.make(folder, **{adapter.top: 2})
    same(adapter.rank(top, QUERY, documents), wanted[:2])
    same(await adapter.arank(top, QUERY, documents), wanted[:2])


def test_input_is_not_changed(adapter: Reranker, folder: str) -> None:
    documents = adapter.wrap(TEXTS)
    before = pickle.dumps(documents)
    adapter.rank(adapter.make(folder), QUERY, documents)
    assert pickle.dumps(documents) == before


async def test_nothing_to_rank(adapter: Reranker, folder: str) -> None:
    made = adapter.make(folder)
    assert adapter.rank(made, QUERY, []) == []
    assert await adapter.arank(made, QUERY, []) == []


@pytest.mark.parametrize("copier", [copy.copy, copy.deepcopy, lambda made: pickle.loads(pickle.dumps(made))])
def test_copies(adapter: Reranker, folder: str, copier) -> None:
    made = adapter.make(folder, threads=1)
    wanted = adapter.rank(made, QUERY, adapter.wrap(TEXTS))
    same(adapter.rank(copier(made), QUERY, adapter.wrap(TEXTS)), wanted)


@pytest.mark.parametrize("how", ["load", "pickle"])
def test_another_process_gets_the_same(adapter: Reranker, name: str, folder: str, how: str, tmp_path: Path) -> None:
    made = adapter.make(folder, **{adapter.top: 4})
    saved = adapter.save(made)
    assert adapter.save(adapter.load(saved)) == saved
    (tmp_path / "made").write_bytes(saved.encode() if how == "load" else pickle.dumps(made))
    done = subprocess.run(
        [sys.executable, "-c", _FRESH, name, how, str(tmp_path / "made"), QUERY, *TEXTS],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    import json

    same(json.loads(done.stdout), adapter.rank(made, QUERY, adapter.wrap(TEXTS)))


async def test_event_loop_keeps_turning(adapter: Reranker, folder: str) -> None:
    made = adapter.make(folder, lazy_load=True)
    gaps = []

    async def tick() -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0.001)
            gaps.append(time.perf_counter() - last)
            last = time.perf_counter()

    ticker = asyncio.create_task(tick())
    await adapter.arank(made, QUERY, adapter.wrap(["the quick brown fox " * 8] * 600))
    ticker.cancel()
    assert len(gaps) > 20
    assert sorted(gaps)[-3] < 0.1


def test_components_share_one_engine_and_free_it(adapter: Reranker, folder: str) -> None:
    gc.collect()
    before = len(lease._engines)
    made = [adapter.make(folder, threads=7), adapter.make(folder, threads=7, batch_size=8)]
    for each in made:
        adapter.rank(each, QUERY, adapter.wrap(TEXTS))
    assert len(lease._engines) == before + 1
    del each
    made.clear()
    gc.collect()
    assert len(lease._engines) == before


@pytest.mark.parametrize("option", ["modelname", "max_len", "batchsize"])
def test_unknown_options_are_refused(adapter: Reranker, folder: str, option: str) -> None:
    with pytest.raises(adapter.refusal, match=option):
        adapter.make(folder, **{option: 1})


@pytest.mark.parametrize("top", [0, -1])
def test_an_impossible_number_of_documents_is_refused(adapter: Reranker, folder: str, top: int) -> None:
    with pytest.raises(ValueError, match=adapter.top):
        adapter.make(folder, **{adapter.top: top})


crosses = pytest.mark.parametrize("adapter", [name for name in RERANKERS if name.endswith("cross")], indirect=True)


@crosses
@pytest.mark.parametrize("label", ["entailment", 1])
async def test_one_of_several_labels_ranks(adapter: Reranker, labelled: str, label: str | int) -> None:
    with TextCrossEncoder(labelled) as model:
        shares = model.score_labels([(QUERY, text) for text in TEXTS], activation="sigmoid")[:, 1]
    wanted = [(TEXTS[i], float(shares[i])) for i in np.argsort(-shares, kind="stable")]
    made = adapter.make(labelled, **{adapter.top: None, "label": label, "activation": "sigmoid"})
    documents = adapter.wrap(TEXTS)
    same(adapter.rank(made, QUERY, documents), wanted)
    same(await adapter.arank(made, QUERY, documents), wanted)
    for copied in (adapter.load(adapter.save(made)), pickle.loads(pickle.dumps(made)), copy.deepcopy(made)):
        assert type(copied.label) is type(label)
        same(adapter.rank(copied, QUERY, documents), wanted)


@crosses
async def test_several_labels_and_none_chosen(adapter: Reranker, labelled: str) -> None:
    made = adapter.make(labelled)
    with pytest.raises(ValueError, match=r"3 labels \(contradiction, entailment, neutral\).* label=\.\.\."):
        adapter.rank(made, QUERY, adapter.wrap(TEXTS))
    with pytest.raises(ValueError, match=r"3 labels"):
        await adapter.arank(made, QUERY, adapter.wrap(TEXTS))


@crosses
@pytest.mark.parametrize("label", ["nosuch", 3, True])
def test_impossible_labels_are_refused(adapter: Reranker, labelled: str, label: object) -> None:
    with pytest.raises(ValueError, match="label"):
        adapter.rank(adapter.make(labelled, label=label), QUERY, adapter.wrap(TEXTS))


def test_langchain_keeps_ids_and_its_score_wins(folders: dict[bool, str]) -> None:
    from langchain_core.documents import Document
    from rapidembed_langchain import FastEmbedRerank

    documents = [Document("hello", id="one", metadata={"relevance_score": 9, "kept": 0})]
    (found,) = FastEmbedRerank(model=folders[False], activation="sigmoid").compress_documents(documents, QUERY)
    assert found.id == "one"
    assert found.metadata["kept"] == 0
    assert 0 < found.metadata["relevance_score"] < 1


def test_langchain_cross_encoder(folders: dict[bool, str]) -> None:
    from langchain_core.cross_encoders import BaseCrossEncoder
    from rapidembed_langchain import FastEmbedCrossEncoder

    made = FastEmbedCrossEncoder(model=folders[False])
    assert isinstance(made, BaseCrossEncoder)
    pairs = [(QUERY, text) for text in TEXTS]
    scores = made.score(pairs)
    assert {type(score) for score in scores} == {float}
    np.testing.assert_allclose(scores, TextCrossEncoder(folders[False]).score_pairs(pairs), atol=1e-6)
    assert made.score([]) == []


@pytest.mark.parametrize("label", ["neutral", 2])
def test_langchain_cross_encoder_of_several_labels(labelled: str, label: str | int) -> None:
    from rapidembed_langchain import FastEmbedCrossEncoder

    pairs = [(QUERY, text) for text in TEXTS]
    wanted = TextCrossEncoder(labelled).score_labels(pairs)[:, 2]
    made = FastEmbedCrossEncoder(model=labelled, label=label)
    for each in (made, pickle.loads(pickle.dumps(made)), FastEmbedCrossEncoder(**made.model_dump())):
        assert each.label == label
        np.testing.assert_allclose(each.score(pairs), wanted, atol=1e-6)
    with pytest.raises(ValueError, match="3 labels"):
        FastEmbedCrossEncoder(model=labelled).score(pairs)


def test_langchain_retriever_takes_it(folders: dict[bool, str]) -> None:
    classic = pytest.importorskip("langchain_classic.retrievers")
    from langchain_classic.retrievers.document_compressors import CrossEncoderReranker
    from langchain_core.documents import Document
    from langchain_core.retrievers import BaseRetriever
    from rapidembed_langchain import FastEmbedCrossEncoder, FastEmbedRerank

    class All(BaseRetriever):
        def _get_relevant_documents(self, query, *, run_manager):
            return [Document(text) for text in TEXTS]

    best = expected(RERANKERS["langchain-cross"], folders[False], TEXTS)[0][0]
    for compressor in (
        FastEmbedRerank(model=folders[False], top_n=1),
        CrossEncoderReranker(model=FastEmbedCrossEncoder(model=folders[False]), top_n=1),
    ):
        retriever = classic.ContextualCompressionRetriever(base_compressor=compressor, base_retriever=All())
        assert [document.page_content for document in retriever.invoke(QUERY)] == [best]


def test_llamaindex_events_and_scores(folders: dict[bool, str]) -> None:
    from llama_index.core.instrumentation import get_dispatcher
    from llama_index.core.instrumentation.event_handlers import BaseEventHandler
    from rapidembed_llamaindex import FastEmbedRerank

    seen = []

    class Handler(BaseEventHandler):
        def handle(self, event, **options):
            seen.append(event.class_name())

    handler = Handler()
    get_dispatcher().add_event_handler(handler)
    made = FastEmbedRerank(model_name=folders[False], keep_retrieval_score=True, top_n=1)
    nodes = RERANKERS["llamaindex-cross"].wrap(TEXTS)
    (best,) = made.postprocess_nodes(nodes, query_str=QUERY)
    get_dispatcher().event_handlers.remove(handler)
    assert seen.count("ReRankStartEvent") == seen.count("ReRankEndEvent") == 1
    assert best.node.metadata["retrieval_score"] == 0.5
    best.to_json()
    with pytest.raises(ValueError, match="needs a query"):
        made.postprocess_nodes(nodes)
    with pytest.raises(ValueError, match="frozen"):
        made.model_name = "another"


def test_haystack_threshold_duplicates_and_metadata(folders: dict[bool, str]) -> None:
    from haystack import Document
    from rapidembed_haystack import FastembedRanker

    made = FastembedRanker(folders[False], meta_fields_to_embed=["number", "nothing"], meta_data_separator=" ")
    document = Document(content="dog", meta={"number": 0, "nothing": None})
    (found,) = made.run(QUERY, [document, document])["documents"]
    assert found.score == pytest.approx(float(TextCrossEncoder(folders[False]).score(QUERY, ["0 dog"])[0]), abs=1e-6)
    assert made.run(QUERY, [document], score_threshold=found.score + 0.1) == {"documents": []}
    assert len(made.run(QUERY, [Document(content=text) for text in "abc"], top_k=2)["documents"]) == 2
    for query, documents, error in (("", [document], ValueError), (QUERY, ["text"], TypeError), (3, [], ValueError)):
        with pytest.raises(error):
            made.run(query, documents)
    with pytest.raises(ValueError, match="top_k"):
        made.run(QUERY, [document], top_k=0)
    with pytest.raises(ValueError, match="model_kwargs may hold"):
        FastembedRanker(model_kwargs={"strange": 1})
