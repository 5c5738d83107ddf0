"""Retrieval for LangChain by several wordings of a question, and by other retrievers, joined into one ranking."""

from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableConfig
from langchain_core.vectorstores import VectorStore
from pydantic import ConfigDict, Field
from rapidembed.toolkit import fuse

from rapidembed_langchain._configured import text_of
from rapidembed_langchain.embeddings import FastEmbedEmbeddings


class FastEmbedFusionRetriever(BaseRetriever):
    """Searches a vector store for a question and its rewrites, embedded in one batch, and joins what is found.

    Rankings are joined by reciprocal ranks (:func:`rapidembed.toolkit.fuse.reciprocal_rank`), those of other
    retrievers, such as BM25's, among them. Documents are the same if their ids are, or without ids their contents.

    Example:
        >>> from langchain_core.vectorstores import InMemoryVectorStore
        >>> from rapidembed_langchain import FastEmbedEmbeddings, FastEmbedFusionRetriever
        >>> embeddings = FastEmbedEmbeddings(model="builtin:static-en")
        >>> store = InMemoryVectorStore(embeddings)
        >>> _ = store.add_texts(["Expenses are refunded within ten days.", "The office is closed at Christmas."])
        >>> def rewrite(question):
        ...     return ["refund of expenses"]
        >>> retriever = FastEmbedFusionRetriever(vectorstore=store, embeddings=embeddings, rewrite=rewrite, k=1)
        >>> retriever.invoke("When is my money back?")[0].page_content
        'Expenses are refunded within ten days.'
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    vectorstore: VectorStore
    embeddings: FastEmbedEmbeddings
    """The model that the store's vectors are of."""
    rewrite: Callable[[str], Sequence[str]] | None = None
    """From a question to other wordings of it, such as a language model's; None: the question only."""
    retrievers: list[BaseRetriever] = Field(default_factory=list)
    """Others, whose rankings for the question are joined too."""
    k: int = Field(default=4, gt=0)
    """Documents to give back."""
    fetch_k: int = Field(default=20, gt=0)
    """Documents that the store is asked for, for each wording."""
    rewrite_weight: float = Field(default=1.0, ge=0)
    """What the ranking of a rewrite counts; that of the question counts 1."""
    weights: list[float] | None = None
    """What the ranking of each of ``retrievers`` counts; None: 1."""
    search_kwargs: dict[str, Any] = Field(default_factory=dict)
    """Passed on to the store's ``similarity_search_by_vector``, such as a filter."""

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        vectors = self.embeddings._model.encode_query(self._wordings(query)).tolist()
        search = self.vectorstore.similarity_search_by_vector
        found = [search(vector, k=self.fetch_k, **self.search_kwargs) for vector in vectors]
        config = RunnableConfig(callbacks=run_manager.get_child())
        return self._joined(found, [other.invoke(query, config) for other in self.retrievers])

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun
    ) -> list[Document]:
        vectors = (await self.embeddings._model.aencode_query(self._wordings(query))).tolist()
        search = self.vectorstore.asimilarity_search_by_vector
        found = [await search(vector, k=self.fetch_k, **self.search_kwargs) for vector in vectors]
        config = RunnableConfig(callbacks=run_manager.get_child())
        return self._joined(found, [await other.ainvoke(query, config) for other in self.retrievers])

    def _wordings(self, query: str) -> list[str]:
        rewrites = [] if self.rewrite is None else self.rewrite(query)
        if isinstance(rewrites, str):
            raise TypeError("rewrite must give a list of str, got one str; return [text].")
        return [query, *(text_of(wording, f"rewrite(query)[{index}]") for index, wording in enumerate(rewrites))]

    def _joined(self, found: list[list[Document]], others: list[list[Document]]) -> list[Document]:
        weights = [1.0] + [self.rewrite_weight] * (len(found) - 1) + (self.weights or [1.0] * len(others))
        documents: dict[str, Document] = {}
        rankings = []
        for ranking in found + others:
            keyed = {document.id or document.page_content: document for document in ranking}
            documents = keyed | documents
            rankings.append(list(keyed))
        return [documents[key] for key, _ in fuse.reciprocal_rank(rankings, weights=weights)[: self.k]]
