"""What rerankers do beside the checklist: which documents they keep, labels, and what each framework has of its own."""

import copy
import pickle

import numpy as np
import pytest
from rapidembed import TextCrossEncoder

from tests.golden import heads
from tests.integrations.adapters import ADAPTERS, QUERY, Adapter

TEXTS = ["hello world", "the lazy dog", "", "a quick brown fox", "over the dog", "hello world"]


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("labels") / "model"
    return str(heads.assemble_reranker(heads.RERANKERS["three_labels"], folder))


@pytest.fixture(params=[name for name, adapter in ADAPTERS.items() if not adapter.embeds])
def adapter(request: pytest.FixtureRequest) -> Adapter:
    return ADAPTERS[request.param]


@pytest.fixture
def folder(adapter: Adapter, models: dict[str, str]) -> str:
    return models[adapter.kind]


def same(found, wanted) -> None:
    assert [text for text, _ in found] == [text for text, _ in wanted]
    np.testing.assert_allclose([score for _, score in found], [score for _, score in wanted], atol=1e-6)


async def test_the_best_are_kept(adapter: Adapter, folder: str) -> None:
    documents = adapter.wrap(TEXTS)
    every = adapter.rank(adapter.make(folder, **{adapter.top: None}), QUERY, documents)
    assert [score for _, score in every] == sorted([score for _, score in every], reverse=True)
    top = adapter.make(folder, **{adapter.top: 2})
    same(adapter.rank(top, QUERY, documents), every[:2])
    same(await adapter.arank(top, QUERY, documents), every[:2])


def test_input_is_not_changed(adapter: Adapter, folder: str) -> None:
    documents = adapter.wrap(TEXTS)
    before = pickle.dumps(documents)
    adapter.rank(adapter.make(folder), QUERY, documents)
    assert pickle.dumps(documents) == before


@pytest.mark.parametrize("top", [0, -1])
def test_an_impossible_number_of_documents_is_refused(adapter: Adapter, folder: str, top: int) -> None:
    with pytest.raises(ValueError, match=adapter.top):
        adapter.make(folder, **{adapter.top: top})


crosses = pytest.mark.parametrize("adapter", [name for name in ADAPTERS if name.endswith("cross")], indirect=True)


@crosses
@pytest.mark.parametrize("label", ["entailment", 1])
async def test_one_of_several_labels_ranks(adapter: Adapter, labelled: str, label: str | int) -> None:
    with TextCrossEncoder(labelled) as model:
        shares = model.score_labels([(QUERY, text) for text in TEXTS], activation="sigmoid")[:, 1]
    wanted = [(TEXTS[i], float(shares[i])) for i in np.argsort(-shares, kind="stable")]
    made = adapter.make(labelled, **{adapter.top: None, "label": label, "activation": "sigmoid"})
    documents = adapter.wrap(TEXTS)
    same(adapter.rank(made, QUERY, documents), wanted)
    same(await adapter.arank(made, QUERY, documents), wanted)
    for copied in (adapter.load(adapter.save(made)), pickle.loads(pickle.dumps(made)), copy.deepcopy(made)):
        (only,) = copied if isinstance(copied, tuple) else (copied,)
        assert type(only.label) is type(label)
        same(adapter.rank(copied, QUERY, documents), wanted)


@crosses
async def test_several_labels_and_none_chosen(adapter: Adapter, labelled: str) -> None:
    made = adapter.make(labelled)
    with pytest.raises(ValueError, match=r"3 labels \(contradiction, entailment, neutral\).* label=\.\.\."):
        adapter.rank(made, QUERY, adapter.wrap(TEXTS))
    with pytest.raises(ValueError, match=r"3 labels"):
        await adapter.arank(made, QUERY, adapter.wrap(TEXTS))


@crosses
@pytest.mark.parametrize("label", ["nosuch", 3, True])
def test_impossible_labels_are_refused(adapter: Adapter, labelled: str, label: object) -> None:
    with pytest.raises(ValueError, match="label"):
        adapter.rank(adapter.make(labelled, label=label), QUERY, adapter.wrap(TEXTS))


def test_langchain_keeps_ids_and_its_score_wins(models: dict[str, str]) -> None:
    from langchain_core.documents import Document
    from rapidembed_langchain import FastEmbedRerank

    documents = [Document("hello", id="one", metadata={"relevance_score": 9, "kept": 0})]
    (found,) = FastEmbedRerank(model=models["cross"], activation="sigmoid").compress_documents(documents, QUERY)
    assert found.id == "one"
    assert found.metadata["kept"] == 0
    assert 0 < found.metadata["relevance_score"] < 1


def test_langchain_cross_encoder(models: dict[str, str]) -> None:
    from langchain_core.cross_encoders import BaseCrossEncoder
    from rapidembed_langchain import FastEmbedCrossEncoder

    made = FastEmbedCrossEncoder(model=models["cross"])
    assert isinstance(made, BaseCrossEncoder)
    pairs = [(QUERY, text) for text in TEXTS]
    scores = made.score(pairs)
    assert {type(score) for score in scores} == {float}
    np.testing.assert_allclose(scores, TextCrossEncoder(models["cross"]).score_pairs(pairs), atol=1e-6)
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


def test_langchain_retriever_takes_it(models: dict[str, str]) -> None:
    classic = pytest.importorskip("langchain_classic.retrievers")
    from langchain_classic.retrievers.document_compressors import CrossEncoderReranker
    from langchain_core.documents import Document
    from langchain_core.retrievers import BaseRetriever
    from rapidembed_langchain import FastEmbedCrossEncoder, FastEmbedRerank

    class All(BaseRetriever):
        def _get_relevant_documents(self, query, *, run_manager):
            return [Document(text) for text in TEXTS]

    best = TextCrossEncoder(models["cross"]).rank(QUERY, TEXTS, top_k=1, return_documents=True)[0].document
    for compressor in (
        FastEmbedRerank(model=models["cross"], top_n=1),
        CrossEncoderReranker(model=FastEmbedCrossEncoder(model=models["cross"]), top_n=1),
    ):
        retriever = classic.ContextualCompressionRetriever(base_compressor=compressor, base_retriever=All())
        assert [document.page_content for document in retriever.invoke(QUERY)] == [best]


def test_llamaindex_events_and_scores(models: dict[str, str]) -> None:
    from llama_index.core.instrumentation import get_dispatcher
    from llama_index.core.instrumentation.event_handlers import BaseEventHandler
    from rapidembed_llamaindex import FastEmbedRerank

    seen = []

    class Handler(BaseEventHandler):
        def handle(self, event, **options):
            seen.append(event.class_name())

    handler = Handler()
    get_dispatcher().add_event_handler(handler)
    made = FastEmbedRerank(model_name=models["cross"], keep_retrieval_score=True, top_n=1)
    nodes = ADAPTERS["llamaindex-cross"].wrap(TEXTS)
    (best,) = made.postprocess_nodes(nodes, query_str=QUERY)
    get_dispatcher().event_handlers.remove(handler)
    assert seen.count("ReRankStartEvent") == seen.count("ReRankEndEvent") == 1
    assert best.node.metadata["retrieval_score"] == 0.5
    best.to_json()
    with pytest.raises(ValueError, match="needs a query"):
        made.postprocess_nodes(nodes)
    with pytest.raises(ValueError, match="frozen"):
        made.model_name = "another"


def test_haystack_threshold_duplicates_and_metadata(models: dict[str, str]) -> None:
    from haystack import Document
    from rapidembed_haystack import FastembedRanker

    made = FastembedRanker(models["cross"], meta_fields_to_embed=["number", "nothing"], meta_data_separator=" ")
    document = Document(content="dog", meta={"number": 0, "nothing": None})
    (found,) = made.run(QUERY, [document, document])["documents"]
    assert found.score == pytest.approx(float(TextCrossEncoder(models["cross"]).score(QUERY, ["0 dog"])[0]), abs=1e-6)
    assert made.run(QUERY, [document], score_threshold=found.score + 0.1) == {"documents": []}
    assert len(made.run(QUERY, [Document(content=text) for text in "abc"], top_k=2)["documents"]) == 2
    for query, documents, error in (("", [document], ValueError), (QUERY, ["text"], TypeError), (3, [], ValueError)):
        with pytest.raises(error):
            made.run(query, documents)
    with pytest.raises(ValueError, match="top_k"):
        made.run(QUERY, [document], top_k=0)
    with pytest.raises(ValueError, match="model_kwargs may hold"):
        FastembedRanker(model_kwargs={"strange": 1})
