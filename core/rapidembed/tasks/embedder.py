"""The call surface of the facades that embed texts."""

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, overload

from rapidembed.runtime import inputs
from rapidembed.tasks.bulk import Bulk, Texts, check_texts
from rapidembed.tasks.facade import O
from rapidembed.tasks.runner import R_co, RunnableModel, Runner, V_co

if TYPE_CHECKING:
    from rapidembed.tasks.arrow.columns import Column

V = TypeVar("V")
R = TypeVar("R", bound=Collection[Any])


class EmbeddingModel(RunnableModel[str, V_co, R_co], Protocol[V_co, R_co]):
    """A loaded model that makes a ``V_co`` of each text, and an ``R_co`` of several."""

    def token_count(self, texts: Iterable[str], batch_size: int) -> int:
        """Tokens over all texts."""


M = TypeVar("M", bound=EmbeddingModel[Any, Any])


class Embedder(Runner[O, M, str, V, R], Generic[O, M, V, R]):
    """Base of the facades that embed texts; each class says what a result is."""

    _unit = "text"

    # Results at once

    @overload
    def encode(  # type: ignore[overload-overlap]  # a str is an iterable of str
        self, texts: str, *, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> V: ...

    @overload
    def encode(
        self, texts: Iterable[str], *, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> R: ...

    def encode(
        self, texts: Texts, *, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> V | R:
        """Embed texts as they are (with the model's default prompt, if its checkpoint names one).

        Args:
            texts: one text, or an iterable of texts.
            batch_size: most texts in one batch; batches are otherwise sized by their work.
            parallel: most cores to use for this call; None or 0: all that the model may use.
            show_progress: show a progress bar.

        Returns:
            The result of one text, or those of an iterable in its order. What a result is, the class says.

        Raises:
            TypeError: an item is not a str; names its index. Lists are checked before any work begins.
            ValueError: an argument is out of range, or a text is too long and ``truncate`` is False.
            NonFiniteError: the model produced NaN or infinity.
            ClosedError: the model was closed.
        """
        return self._encode("plain", texts, Bulk(batch_size, parallel, show_progress))

    @overload
    def encode_query(  # type: ignore[overload-overlap]  # a str is an iterable of str
        self, texts: str, *, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> V: ...

    @overload
    def encode_query(
        self, texts: Iterable[str], *, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> R: ...

    def encode_query(
        self, texts: Texts, *, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> V | R:
        """Embed search queries, with the model's query prompt. See :meth:`encode`."""
        return self._encode("query", texts, Bulk(batch_size, parallel, show_progress))

    @overload
    def encode_document(  # type: ignore[overload-overlap]  # a str is an iterable of str
        self, texts: str, *, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> V: ...

    @overload
    def encode_document(
        self, texts: Iterable[str], *, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> R: ...

    def encode_document(
        self, texts: Texts, *, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> V | R:
        """Embed documents to be searched, with the model's document prompt. See :meth:`encode`."""
        return self._encode("document", texts, Bulk(batch_size, parallel, show_progress))

    @overload
    async def aencode(  # type: ignore[overload-overlap]  # a str is an iterable of str
        self, texts: str, *, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> V: ...

    @overload
    async def aencode(
        self, texts: Iterable[str], *, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> R: ...

    async def aencode(
        self, texts: Texts, *, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> V | R:
        """:meth:`encode` without blocking the event loop; cancelling stops the work."""
        return await self._aencode("plain", texts, Bulk(batch_size, parallel, show_progress))

    @overload
    async def aencode_query(  # type: ignore[overload-overlap]  # a str is an iterable of str
        self, texts: str, *, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> V: ...

    @overload
    async def aencode_query(
        self, texts: Iterable[str], *, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> R: ...

    async def aencode_query(
        self, texts: Texts, *, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> V | R:
        """:meth:`encode_query` without blocking the event loop; cancelling stops the work."""
        return await self._aencode("query", texts, Bulk(batch_size, parallel, show_progress))

    @overload
    async def aencode_document(  # type: ignore[overload-overlap]  # a str is an iterable of str
        self, texts: str, *, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> V: ...

    @overload
    async def aencode_document(
        self, texts: Iterable[str], *, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> R: ...

    async def aencode_document(
        self, texts: Texts, *, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> V | R:
        """:meth:`encode_document` without blocking the event loop; cancelling stops the work."""
        return await self._aencode("document", texts, Bulk(batch_size, parallel, show_progress))

    # One result after the other, as fastembed has it

    def embed(
        self, documents: Texts, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> Iterator[V]:
        """Embed a stream of texts of any length in bounded memory.

        Arguments and errors are those of :meth:`encode`, and are checked now, not at the first result. An iterable that
        is not a list is checked as it is read; results of the texts before a wrong one are yielded first.

        Up to two windows (``batch_size`` texts at first, later some seconds of work) are read ahead of the results.
        """
        return self._embed("plain", documents, Bulk(batch_size, parallel, show_progress))

    def query_embed(
        self, query: Texts, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> Iterator[V]:
        """:meth:`embed` for search queries, as :meth:`encode_query` embeds them."""
        return self._embed("query", query, Bulk(batch_size, parallel, show_progress))

    def passage_embed(
        self, texts: Texts, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> Iterator[V]:
        """:meth:`embed` for documents to be searched, as :meth:`encode_document` embeds them."""
        return self._embed("document", texts, Bulk(batch_size, parallel, show_progress))

    def token_count(self, texts: Texts, batch_size: int = 1024) -> int:
        """Tokens that :meth:`encode` would embed: special tokens included, after truncation, over all texts."""
        inputs.check_positive("batch_size", batch_size)
        return self._loaded().token_count([texts] if inputs.is_single(texts) else texts, batch_size)

    def _lone(self, role: str, items: Texts) -> str | None:
        return check_texts(items)

    def _column(self, column: Any) -> "Column[str]":
        from rapidembed.tasks.arrow.columns import Texts as Column

        return Column(column)
