"""Sparse embeddings for LangChain's vector stores that search by words as well."""

import asyncio
import sys
from typing import TYPE_CHECKING, Any, Literal

import rapidembed
from pydantic import BaseModel, Field, PrivateAttr

from rapidembed_langchain._configured import text_of, texts_of
from rapidembed_langchain._fields import ModelFields

if TYPE_CHECKING:
    from langchain_milvus.utils.sparse import BaseSparseEmbedding
    from rapidembed import SparseTextEmbedding  # at run time it is loaded with the first model


class SparseVector(BaseModel, extra="forbid"):
    """A sparse vector in the shape of langchain-qdrant's class of that name."""

    indices: list[int]
    values: list[float]


class FastEmbedSparse(ModelFields):
    """Sparse embeddings that run on this machine, for ``QdrantVectorStore(sparse_embedding=...)`` among others.

    Takes the parameters of langchain-qdrant's class of that name, so that a migration is one changed import, and those
    of :class:`rapidembed.SparseTextEmbedding`. Unknown ones are refused. langchain-qdrant is not needed, and is not
    imported; where it is, instances count as its ``SparseEmbeddings``. For BM25, BM42 and miniCOIL create the
    collection with ``sparse_vector_params={"modifier": Modifier.IDF}``.

    Example:
        >>> from rapidembed_langchain import FastEmbedSparse
        >>> sparse = FastEmbedSparse(model_name="Qdrant/bm25")
        >>> document, query = sparse.embed_documents(["cats on mats"])[0], sparse.embed_query("the cat")
        >>> set(query.indices) < set(document.indices)
        True

    Instances may be pickled and copied.
    """

    model_name: str = Field(default="Qdrant/bm25", alias="model")
    prompts: dict[str, str] | None = None
    k: float | None = None
    b: float | None = None
    avg_len: float | None = None
    language: str | None = None
    token_max_length: int | None = None
    disable_stemmer: bool | None = None
    stopwords: list[str] | None = None
    tokenizer: Literal["word", "unicode"] | None = None
    alpha: float | None = None

    _model: "SparseTextEmbedding" = PrivateAttr()

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        # Not in model_post_init: pydantic would turn every ValueError, "no such model" among them, into its own.
        self._model = rapidembed.SparseTextEmbedding(**self._model_options())
        if qdrant := sys.modules.get("langchain_qdrant.sparse_embeddings"):
            qdrant.SparseEmbeddings.register(type(self))

    def embed_documents(self, texts: list[str]) -> list[SparseVector]:
        """Embed documents."""
        return _vectors(self._model.encode_document(texts_of(texts), **self._bulk_options()))

    def embed_query(self, text: str) -> SparseVector:
        """Embed a search query."""
        return _vector(self._model.encode_query(text_of(text)))

    async def aembed_documents(self, texts: list[str]) -> list[SparseVector]:
        """Embed documents without blocking the event loop."""
        rows = await self._model.aencode_document(texts_of(texts), **self._bulk_options())
        # Turning thousands of vectors into lists takes longer than an event loop may wait.
        return await asyncio.to_thread(_vectors, rows)

    async def aembed_query(self, text: str) -> SparseVector:
        """Embed a search query without blocking the event loop."""
        return _vector(await self._model.aencode_query(text_of(text)))

    def as_milvus(self) -> "BaseSparseEmbedding":
        """The same model as langchain-milvus wants it, for ``Milvus(embedding_function=[dense, sparse])``."""
        from rapidembed_langchain.milvus import MilvusSparse

        return MilvusSparse(self)


def _vectors(rows: "list[rapidembed.SparseEmbedding]") -> list[SparseVector]:
    return [_vector(row) for row in rows]


def _vector(embedding: "rapidembed.SparseEmbedding") -> SparseVector:
    # The numbers are ours: checking each of them again would take longer than counting the words.
    return SparseVector.model_construct(indices=embedding.indices.tolist(), values=embedding.values.tolist())
