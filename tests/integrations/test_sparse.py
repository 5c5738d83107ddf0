"""Sparse embeddings in the frameworks' own stores and contracts."""

import asyncio
import subprocess
import sys

import pytest
from rapidembed import SparseTextEmbedding

from tests.integrations.adapters import BM25, MINILM

NOTES = [
    "The office is closed from 24 December to 2 January.",
    "Travel expenses are paid back within thirty days of handing in the receipts.",
    "The server room is on the third floor; the key is at the reception desk.",
    "Form TX-4711 is for taxis.",
]


def test_langchain_classes_need_no_qdrant() -> None:
    script = (
        "import sys; from rapidembed_langchain import FastEmbedSparse; FastEmbedSparse().embed_query('x');"
        "print(*[name for name in sys.modules if name.startswith(('langchain_qdrant', 'qdrant', 'langchain_milvus'))])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_langchain_qdrant_contract() -> None:
    qdrant = pytest.importorskip("langchain_qdrant")
    from rapidembed_langchain import FastEmbedEmbeddings, FastEmbedSparse

    sparse = FastEmbedSparse()
    assert isinstance(sparse, qdrant.SparseEmbeddings)
    vector = sparse.embed_query("cats")
    assert qdrant.SparseVector(**vector.model_dump()).model_dump() == vector.model_dump()
    store = qdrant.QdrantVectorStore.from_texts(
        NOTES,
        FastEmbedEmbeddings(model=MINILM),
        sparse_embedding=sparse,
        location=":memory:",
        retrieval_mode=qdrant.RetrievalMode.HYBRID,
    )
    assert store.similarity_search("TX-4711", k=1)[0].page_content == NOTES[3]
    assert store.similarity_search("When do I get my money back?", k=1)[0].page_content == NOTES[1]
    store.client.close()


def test_langchain_milvus_contract() -> None:
    milvus = pytest.importorskip("langchain_milvus.utils.sparse")
    from rapidembed_langchain import FastEmbedSparse

    view, core = FastEmbedSparse(language="german").as_milvus(), SparseTextEmbedding(BM25, language="german")
    assert isinstance(view, milvus.BaseSparseEmbedding)
    assert (
        view.embed_query("Katzen") == asyncio.run(view.aembed_query("Katzen")) == core.encode_query("Katzen").as_dict()
    )
    expected = [row.as_dict() for row in core.encode_document(NOTES)]
    assert view.embed_documents(NOTES) == asyncio.run(view.aembed_documents(NOTES)) == expected


def test_as_milvus_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    from rapidembed_langchain import FastEmbedSparse

    monkeypatch.setitem(sys.modules, "langchain_milvus.utils.sparse", None)
    monkeypatch.delitem(sys.modules, "rapidembed_langchain.milvus", raising=False)
    with pytest.raises(ImportError, match="pip install langchain-milvus"):
        FastEmbedSparse().as_milvus()


def test_langchain_token_is_secret() -> None:
    from rapidembed_langchain import FastEmbedSparse

    made = FastEmbedSparse(token="hf_secret")
    assert "hf_secret" not in repr(made) + made.model_dump_json()


@pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant")
def test_llamaindex_qdrant_store() -> None:
    stores = pytest.importorskip("llama_index.vector_stores.qdrant")
    import qdrant_client
    from llama_index.core import Document, StorageContext, VectorStoreIndex
    from rapidembed_llamaindex import FastEmbedEmbedding, FastEmbedSparseEmbedding

    documents, queries = FastEmbedSparseEmbedding(model_name=BM25).as_qdrant_fns()
    core = SparseTextEmbedding(BM25)
    assert documents(["cats", ""]) == (
        [core.encode("cats").indices.tolist(), []],
        [core.encode("cats").values.tolist(), []],
    )
    assert queries(["cats cats"])[1] == [[1.0]]
    client = qdrant_client.QdrantClient(":memory:")
    store = stores.QdrantVectorStore(
        "notes", client, enable_hybrid=True, sparse_doc_fn=documents, sparse_query_fn=queries
    )
    index = VectorStoreIndex.from_documents(
        [Document(text=note) for note in NOTES],
        storage_context=StorageContext.from_defaults(vector_store=store),
        embed_model=FastEmbedEmbedding(model_name=MINILM),
    )
    retriever = index.as_retriever(vector_store_query_mode="hybrid", similarity_top_k=2, sparse_top_k=2, hybrid_top_k=1)
    assert retriever.retrieve("TX-4711")[0].text == NOTES[3]
    client.close()


def test_llamaindex_events_carry_what_runs() -> None:
    from rapidembed_llamaindex import FastEmbedSparseEmbedding

    made = FastEmbedSparseEmbedding(model_name=BM25)
    payload = {"class_name": "RapidEmbed_FastEmbedSparseEmbedding", "model_name": BM25, "embed_batch_size": 256}
    assert made.to_payload() == payload
    assert made.similarity(made.get_query_embedding("cats"), made.get_text_embedding("cat")) == pytest.approx(1.0)


def test_haystack_documents_are_copied_and_meta_is_embedded() -> None:
    from haystack import Document
    from rapidembed_haystack import FastembedSparseDocumentEmbedder

    embedder = FastembedSparseDocumentEmbedder(BM25, progress_bar=False, meta_fields_to_embed=["title", "year", "none"])
    given = Document(content="cats", meta={"title": "Mats", "year": 0, "none": None})
    (made,) = embedder.run([given])["documents"]
    assert given.sparse_embedding is None
    assert sorted(made.sparse_embedding.indices) == SparseTextEmbedding(BM25).encode("Mats\n0\ncats").indices.tolist()
    assert (made.id, made.meta, made.content) == (given.id, given.meta, given.content)
    (empty,) = embedder.run([Document(meta={"other": "x"})])["documents"]
    assert empty.sparse_embedding.indices == []
    with pytest.raises(TypeError, match="FastembedSparseTextEmbedder embeds a str"):
        embedder.run("text")


def test_haystack_lifecycle() -> None:
    from rapidembed_haystack import FastembedSparseTextEmbedder

    embedder = FastembedSparseTextEmbedder(BM25)
    with pytest.raises(TypeError, match="embeds a str, got list"):
        embedder.run(["text"])
    embedder.warm_up()
    engine = embedder._engine
    embedder.close()
    assert "closed" in repr(engine)
    assert embedder.run("cats")["sparse_embedding"].values == [1.0]
    with pytest.raises(ValueError, match=r"model_kwargs may hold providers, .*tokenizer, alpha; got 'stemmer'"):
        FastembedSparseTextEmbedder(BM25, model_kwargs={"stemmer": None})


def test_haystack_qdrant_hybrid_pipeline() -> None:
    pytest.importorskip("haystack_integrations.document_stores.qdrant")
    from haystack import Document, Pipeline
    from haystack_integrations.components.retrievers.qdrant import QdrantHybridRetriever
    from haystack_integrations.document_stores.qdrant import QdrantDocumentStore
    from rapidembed_haystack import (
        FastembedDocumentEmbedder,
        FastembedSparseDocumentEmbedder,
        FastembedSparseTextEmbedder,
        FastembedTextEmbedder,
    )

    store = QdrantDocumentStore(
        ":memory:", embedding_dim=384, use_sparse_embeddings=True, sparse_idf=True, progress_bar=False
    )
    documents = FastembedSparseDocumentEmbedder(BM25, progress_bar=False).run([Document(content=n) for n in NOTES])
    store.write_documents(FastembedDocumentEmbedder(MINILM, progress_bar=False).run(**documents)["documents"])
    pipeline = Pipeline()
    pipeline.add_component("dense", FastembedTextEmbedder(MINILM))
    pipeline.add_component("sparse", FastembedSparseTextEmbedder(BM25))
    pipeline.add_component("retriever", QdrantHybridRetriever(store, top_k=1))
    pipeline.connect("dense.embedding", "retriever.query_embedding")
    pipeline.connect("sparse.sparse_embedding", "retriever.query_sparse_embedding")
    for question, note in (("TX-4711", 3), ("When do I get my money back?", 1)):
        found = pipeline.run({"dense": {"text": question}, "sparse": {"text": question}})["retriever"]["documents"]
        assert found[0].content == NOTES[note]
    store._client.close()
