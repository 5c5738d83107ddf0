"""Sparse embeddings for LlamaIndex."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import rapidembed
from llama_index.core.base.embeddings.base_sparse import BaseSparseEmbedding, SparseEmbedding
from pydantic import ConfigDict, Field, PrivateAttr, model_validator

from rapidembed_llamaindex.base import Configured, Folder, ListsOnly, text_of, texts_of, without_class_name

if TYPE_CHECKING:
    from rapidembed import SparseTextEmbedding  # at run time it is loaded with the first model

QdrantFunction: TypeAlias = Callable[[list[str]], tuple[list[list[int]], list[list[float]]]]

# Options of this class and its base; all others are passed on to SparseTextEmbedding under the same name.
_OWN_OPTIONS = frozenset({"max_length", "parallel", *BaseSparseEmbedding.model_fields} - {"model_name"})


class FastEmbedSparseEmbedding(Configured, ListsOnly, BaseSparseEmbedding):
    """LlamaIndex sparse embeddings that run on this machine.

    Takes the parameters of the class of the same name in llama-index-sparse-embeddings-fastembed, so that a migration
    is one changed import, those of :class:`rapidembed.SparseTextEmbedding`, and those of every sparse embedding of
    LlamaIndex. Unknown ones are refused. Queries are embedded as queries, documents as documents.

    Example:
        >>> from rapidembed_llamaindex import FastEmbedSparseEmbedding
        >>> sparse = FastEmbedSparseEmbedding(model_name="Qdrant/bm25")
        >>> document, query = sparse.get_text_embedding("cats on mats"), sparse.get_query_embedding("the cat")
        >>> query.keys() < document.keys()
        True

    Instances may be pickled and copied.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=("pydantic_model_",))

    model_name: str = "prithivida/Splade_PP_en_v1"
    embed_batch_size: int = Field(default=256, gt=0, le=2048)
    """Texts that the framework hands over at once."""
    max_length: int | None = None
    """Cut texts at this many tokens; None: the model's limit. BM25 has none."""
    cache_dir: Folder = None
    threads: int | None = None
    """Most cores to use; None: all that the process may use."""
    providers: Sequence[str | tuple[str, dict[str, Any]]] | None = None
    parallel: int | None = None
    """Most cores to use for one call; None or 0: all that the model may use."""
    device: str | list[str] = "auto"
    precision: str = "auto"
    backend: str = "onnxruntime"
    cuda: bool | str = "auto"
    device_ids: list[int] | None = None
    revision: str | None = None
    local_files_only: bool = False
    truncate: bool = True
    prompts: dict[str, str] | None = None
    lazy_load: bool = False
    """Load the model at the first text instead of now."""
    specific_model_path: Folder = None
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
        options = {name: getattr(self, name) for name in type(self).model_fields if name not in _OWN_OPTIONS}
        self._model = rapidembed.SparseTextEmbedding(max_tokens=self.max_length, **options)

    @model_validator(mode="before")
    @classmethod
    def _accept_own_name(cls, fields: Any) -> Any:
        return without_class_name(cls, fields)

    @classmethod
    def class_name(cls) -> str:
        """Name of this class in saved settings."""
        return "RapidEmbed_FastEmbedSparseEmbedding"

    def as_qdrant_fns(self) -> tuple[QdrantFunction, QdrantFunction]:
        """The functions for ``QdrantVectorStore(enable_hybrid=True, sparse_doc_fn=..., sparse_query_fn=...)``.

        BM25, BM42 and miniCOIL want ``sparse_config=SparseVectorParams(modifier=Modifier.IDF)`` there as well.
        """
        return self._qdrant_documents, self._qdrant_queries

    def _get_query_embedding(self, query: str) -> SparseEmbedding:
        return _dict(self._model.encode_query(text_of(query, "query")))

    async def _aget_query_embedding(self, query: str) -> SparseEmbedding:
        return _dict(await self._model.aencode_query(text_of(query, "query")))

    def _get_text_embedding(self, text: str) -> SparseEmbedding:
        return _dict(self._model.encode_document(text_of(text)))

    async def _aget_text_embedding(self, text: str) -> SparseEmbedding:
        return _dict(await self._model.aencode_document(text_of(text)))

    def _get_text_embeddings(self, texts: list[str]) -> list[SparseEmbedding]:
        return _dicts(self._model.encode_document(texts, **self._bulk_options()))

    async def _aget_text_embeddings(self, texts: list[str]) -> list[SparseEmbedding]:
        rows = await self._model.aencode_document(texts, **self._bulk_options())
        # Turning thousands of vectors into dicts takes longer than an event loop may wait.
        return await asyncio.to_thread(_dicts, rows)

    def _qdrant_documents(self, texts: list[str]) -> tuple[list[list[int]], list[list[float]]]:
        return _lists(self._model.encode_document(texts_of(texts), **self._bulk_options()))

    def _qdrant_queries(self, texts: list[str]) -> tuple[list[list[int]], list[list[float]]]:
        return _lists(self._model.encode_query(texts_of(texts), **self._bulk_options()))

    def _bulk_options(self) -> dict[str, Any]:
        return {"batch_size": self.embed_batch_size, "parallel": self.parallel}


def _dict(embedding: "rapidembed.SparseEmbedding") -> SparseEmbedding:
    return embedding.as_dict()


def _dicts(rows: "list[rapidembed.SparseEmbedding]") -> list[SparseEmbedding]:
    return [row.as_dict() for row in rows]


def _lists(rows: "list[rapidembed.SparseEmbedding]") -> tuple[list[list[int]], list[list[float]]]:
    return [row.indices.tolist() for row in rows], [row.values.tolist() for row in rows]
