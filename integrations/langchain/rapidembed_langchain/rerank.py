"""Reranking for LangChain."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import rapidembed
from langchain_core.callbacks import Callbacks
from langchain_core.cross_encoders import BaseCrossEncoder
from langchain_core.documents import BaseDocumentCompressor, Document
from pydantic import Field, PrivateAttr, StrictInt

from rapidembed_langchain._configured import contents_of, text_of
from rapidembed_langchain._fields import ModelFields

if TYPE_CHECKING:
    from rapidembed import LateInteractionTextEmbedding, TextCrossEncoder  # at run time with the first model


class _Options(ModelFields):
    own = ModelFields.own | {"top_n", "activation"}

    model_name: str = Field(alias="model")
    """Curated name, hub id, folder or ``package:NAME``."""
    batch_size: int = Field(default=64, gt=0)


class _CrossEncoderOptions(_Options):
    model_name: str = Field(default="Xenova/ms-marco-MiniLM-L-6-v2", alias="model")
    activation: Literal["logit", "sigmoid"] = "logit"
    """"logit": scores are the model's own numbers; "sigmoid": between 0 and 1."""
    label: str | StrictInt | None = None
    """Of a classifier with several labels, the one whose score ranks: its name or its number."""

    _model: "TextCrossEncoder" = PrivateAttr()

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        # Not in model_post_init: pydantic would turn every ValueError, "no such model" among them, into its own.
        self._model = rapidembed.TextCrossEncoder(**self._model_options())

    def _score_options(self) -> dict[str, Any]:
        return self._bulk_options() | {"activation": self.activation}


class _Compressor(_Options, BaseDocumentCompressor):
    top_n: int | None = Field(default=3, gt=0)
    """How many documents to keep; None: all."""

    def _ranked(self, documents: Sequence[Document], scores: Any) -> list[Document]:
        """Copies of the best documents, the best first, with their ids and their scores."""
        best = sorted(range(len(documents)), key=lambda i: -scores[i])[: self.top_n]
        return [
            documents[i].model_copy(update={"metadata": {**documents[i].metadata, "relevance_score": float(scores[i])}})
            for i in best
        ]


class FastEmbedRerank(_CrossEncoderOptions, _Compressor):
    """Keeps the documents that answer a query best, by a cross-encoder that runs on this machine.

    Documents come back as copies, the best first, with ``relevance_score`` in their metadata.

    Example:
        >>> from langchain_core.documents import Document
        >>> from rapidembed_langchain import FastEmbedRerank
        >>> reranker = FastEmbedRerank(model="Xenova/ms-marco-MiniLM-L-6-v2", top_n=1)  # doctest: +SKIP
        >>> notes = [Document("stocks fell"), Document("cats sleep")]
        >>> reranker.compress_documents(notes, "a feline")[0].page_content  # doctest: +SKIP
        'cats sleep'

    Instances may be pickled and copied; copies share one loaded model within a process.
    """

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        """Sort the documents by how well they answer the query, and keep the best."""
        texts, query = contents_of(documents), text_of(query, "query")
        return self._ranked(documents, self._model.score(query, texts, **self._score_options()))

    async def acompress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        """:meth:`compress_documents` without blocking the event loop."""
        texts, query = contents_of(documents), text_of(query, "query")
        return self._ranked(documents, await self._model.ascore(query, texts, **self._score_options()))


class FastEmbedColbertRerank(_Compressor):
    """Keeps the documents that answer a query best, by late interaction (ColBERT) on this machine.

    Documents come back as copies, the best first, with ``relevance_score`` in their metadata.
    """

    model_name: str = Field(default="colbert-ir/colbertv2.0", alias="model")
    max_query_tokens: int | None = None
    """Cut queries at this many tokens; None: the checkpoint's limit of queries, or ``max_length`` if given."""

    _model: "LateInteractionTextEmbedding" = PrivateAttr()

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        self._model = rapidembed.LateInteractionTextEmbedding(**self._model_options())

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        """Sort the documents by how well they answer the query, and keep the best."""
        texts, query = contents_of(documents), text_of(query, "query")
        vectors = self._model.encode_document(texts, **self._bulk_options())
        return self._ranked(documents, rapidembed.max_sim(self._model.encode_query(query), vectors))

    async def acompress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        """:meth:`compress_documents` without blocking the event loop."""
        texts, query = contents_of(documents), text_of(query, "query")
        vectors = await self._model.aencode_document(texts, **self._bulk_options())
        return self._ranked(documents, rapidembed.max_sim(await self._model.aencode_query(query), vectors))


class FastEmbedCrossEncoder(_CrossEncoderOptions, BaseCrossEncoder):
    """Scores pairs of texts on this machine, for langchain-classic's ``CrossEncoderReranker`` among others."""

    def score(self, text_pairs: list[tuple[str, str]]) -> list[float]:
        """How well the second text of each pair answers the first."""
        scores: list[float] = self._model.score_pairs(text_pairs, **self._score_options()).tolist()
        return scores
