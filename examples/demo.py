"""Semantic search over Python's own documentation, with the built-in model, through LangChain: ``make demo``."""

import textwrap
import time

from langchain_core.documents import Document
from langchain_core.vectorstores import InMemoryVectorStore
from passages import passages
from rapidembed_langchain import FastEmbedEmbeddings

BUILTIN = "builtin:static-en"
QUESTIONS = [
    "How do I run a command and capture its output?",
    "a temporary folder that is deleted when I am done",
    "compare two files line by line and show the differences",
    "cache the results of an expensive function",
    "which words are the most frequent?",
    "generate a secure random password or token",
    "how can I send an email from Python",
]


def main() -> None:
    """Embed the passages, then answer the questions."""
    started = time.perf_counter()
    embeddings = FastEmbedEmbeddings(model=BUILTIN)
    print(f"\n{BUILTIN} loaded in {time.perf_counter() - started:.2f} s: no download, no PyTorch.")
    found = passages()
    documents = [Document(f"{name}: {text}", metadata={"name": name}) for name, text in found.items()]
    print(f"Embedding {len(documents):,} documentation strings of the standard library ...", flush=True)
    started = time.perf_counter()
    store = InMemoryVectorStore.from_documents(documents, embeddings)
    print(f"{len(documents) / (time.perf_counter() - started):,.0f} texts/s.\n")
    for question in QUESTIONS:
        started = time.perf_counter()
        embeddings.embed_query(question)
        print(f"? {question}  ({(time.perf_counter() - started) * 1e3:.2f} ms to embed)")
        for document in store.similarity_search(question, k=2):
            text = document.page_content.removeprefix(document.metadata["name"] + ": ")
            print(f"    {document.metadata['name']}")
            print(f"        {textwrap.shorten(text, 100)}")
        print()


if __name__ == "__main__":
    main()
