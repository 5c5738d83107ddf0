"""Sparse embeddings in the class that langchain-milvus insists on; imported only where that package is used."""

import asyncio
from typing import TYPE_CHECKING

try:
    from langchain_milvus.utils.sparse import BaseSparseEmbedding
except ImportError as error:
    raise ImportError("as_milvus() needs langchain-milvus: pip install langchain-milvus") from error

if TYPE_CHECKING:
    from rapidembed_langchain.sparse import FastEmbedSparse, SparseVector


class MilvusSparse(BaseSparseEmbedding):  # type: ignore[misc, unused-ignore]  # Any where it is not installed
    """A :class:`~rapidembed_langchain.FastEmbedSparse` whose vectors are dicts index -> value."""

    def __init__(self, sparse: "FastEmbedSparse") -> None:
        self.sparse = sparse

    def embed_documents(self, texts: list[str]) -> list[dict[int, float]]:
        """Embed documents."""
        return [_dict(vector) for vector in self.sparse.embed_documents(texts)]

    def embed_query(self, query: str) -> dict[int, float]:
        """Embed a search query."""
        return _dict(self.sparse.embed_query(query))

    async def aembed_documents(self, texts: list[str]) -> list[dict[int, float]]:
        """Embed documents without blocking the event loop."""
        vectors = await self.sparse.aembed_documents(texts)
        return await asyncio.to_thread(lambda: [_dict(vector) for vector in vectors])

    async def aembed_query(self, query: str) -> dict[int, float]:
        """Embed a search query without blocking the event loop."""
        return _dict(await self.sparse.aembed_query(query))


def _dict(vector: "SparseVector") -> dict[int, float]:
    return dict(zip(vector.indices, vector.values, strict=True))
