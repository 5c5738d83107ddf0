"""The retrievers that join wordings and retrievers find what a fusion written out here finds, in one batch."""

import numpy as np
import pytest
from rapidembed import TextEmbedding

MODEL = "builtin:static-en"
NOTES = [
    "Expenses are refunded within ten days.",
    "The office is closed at Christmas.",
    "Travel costs are paid back by the accounting office.",
    "Cats sleep most of the day.",
    "A refund needs the original receipt.",
]
QUESTION = "When is my money back?"
REWRITES = ["refund of expenses", "receipt for a refund"]


def rewrite(question: str) -> list[str]:
    assert question == QUESTION
    return REWRITES


def fused(wordings: list[str], weights: list[float], others: list[list[int]]) -> list[int]:
    with TextEmbedding(MODEL) as model:
        scores = model.encode_query(wordings) @ model.encode_document(NOTES).T
    rankings = [np.argsort(-row).tolist() for row in scores] + others
    points = [
        sum(w / (61 + ranking.index(note)) for w, ranking in zip(weights, rankings, strict=True) if note in ranking)
        for note in range(len(NOTES))
    ]
    return np.argsort(-np.array(points), kind="stable").tolist()


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list:
    seen: list = []
    encode = TextEmbedding.encode_query
    monkeypatch.setattr(TextEmbedding, "encode_query", lambda self, x, **k: seen.append(x) or encode(self, x, **k))
    return seen


async def test_langchain(calls: list) -> None:
    from langchain_core.callbacks import BaseCallbackHandler
    from langchain_core.documents import Document
    from langchain_core.retrievers import BaseRetriever
    from langchain_core.vectorstores import InMemoryVectorStore
    from rapidembed_langchain import FastEmbedEmbeddings, FastEmbedFusionRetriever

    class Fixed(BaseRetriever):
        def _get_relevant_documents(self, query: str, *, run_manager) -> list[Document]:
            return [Document(NOTES[3], id="3"), Document(NOTES[1], id="1")]

    class Handler(BaseCallbackHandler):
        started = 0

        def on_retriever_start(self, *args, **kwargs) -> None:
            self.started += 1

    embeddings = FastEmbedEmbeddings(model=MODEL)
    store = InMemoryVectorStore(embeddings)
    store.add_texts(NOTES, ids=[str(i) for i in range(len(NOTES))])
    plain = FastEmbedFusionRetriever(vectorstore=store, embeddings=embeddings, rewrite=rewrite, k=5)
    expected = fused([QUESTION, *REWRITES], [1, 1, 1], [])
    calls.clear()
    assert [int(found.id) for found in plain.invoke(QUESTION)] == expected
    assert calls == [[QUESTION, *REWRITES]]
    joined = FastEmbedFusionRetriever(
        vectorstore=store,
        embeddings=embeddings,
        rewrite=rewrite,
        k=3,
        rewrite_weight=0.5,
        retrievers=[Fixed()],
        weights=[9],
    )
    expected = fused([QUESTION, *REWRITES], [1, 0.5, 0.5, 9], [[3, 1]])[:3]
    handler = Handler()
    assert [int(found.id) for found in joined.invoke(QUESTION, {"callbacks": [handler]})] == expected
    assert expected[:2] == [3, 1]
    assert handler.started == 2
    assert [int(found.id) for found in await joined.ainvoke(QUESTION)] == expected
    with pytest.raises(TypeError, match="rewrite must give a list of str"):
        plain.model_copy(update={"rewrite": lambda question: "x"}).invoke(QUESTION)
    with pytest.raises(ValueError, match="weights must have one number for each of the 4 searches, got 5"):
        joined.model_copy(update={"weights": [1.0, 2.0]}).invoke(QUESTION)


async def test_llamaindex() -> None:
    from llama_index.core import VectorStoreIndex
    from llama_index.core.base.base_retriever import BaseRetriever
    from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
    from rapidembed_llamaindex import FastEmbedEmbedding, FastEmbedFusionRetriever

    nodes = [TextNode(id_=str(i), text=note) for i, note in enumerate(NOTES)]

    class Fixed(BaseRetriever):
        def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
            return [NodeWithScore(node=nodes[3], score=8.0), NodeWithScore(node=nodes[1], score=4.0)]

    model = FastEmbedEmbedding(model_name=MODEL)
    dense = VectorStoreIndex(nodes, embed_model=model).as_retriever(similarity_top_k=5)
    plain = FastEmbedFusionRetriever([dense], model, rewrite, similarity_top_k=5)
    assert [int(found.node_id) for found in plain.retrieve(QUESTION)] == fused([QUESTION, *REWRITES], [1, 1, 1], [])
    joined = FastEmbedFusionRetriever([dense, Fixed()], model, rewrite, similarity_top_k=3, retriever_weights=[1, 3])
    fixed = [[3, 1]] * 3
    expected = fused([QUESTION, *REWRITES] * 1, [1, 1, 1, 3, 3, 3], fixed)[:3]
    assert [int(found.node_id) for found in joined.retrieve(QUESTION)] == expected
    assert [int(found.node_id) for found in await joined.aretrieve(QUESTION)] == expected
    scores = FastEmbedFusionRetriever([Fixed()], model, mode="relative_score")
    assert [(found.node_id, found.score) for found in scores.retrieve(QUESTION)] == [("3", 1.0), ("1", 0.0)]
    with pytest.raises(ValueError, match="mode must be one of reciprocal_rank, relative_score, got 'max'"):
        FastEmbedFusionRetriever([dense], model, mode="max")
    with pytest.raises(ValueError, match="weight for each, got 1, 2"):
        FastEmbedFusionRetriever([dense], model, retriever_weights=[1, 2])
    with pytest.raises(TypeError, match="embed_model must be a FastEmbedEmbedding, got str"):
        FastEmbedFusionRetriever([dense], MODEL)
