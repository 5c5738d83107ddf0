"""fastembed's class for token vectors of texts."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rapidembed.compat.common.model_description import DenseModelDescription
from rapidembed.compat.common.types import NumpyArray, OnnxProvider
from rapidembed.compat.facade import Sized
from rapidembed.compat.model import FastembedModel
from rapidembed.types import Device


class LateInteractionModel(FastembedModel):
    """A model for token vectors."""

    _facade = "LateInteractionTextEmbedding"
    _inner = ("rapidembed.compat.inner.late_interaction", "InnerLateInteraction")

    @classmethod
    def _list_supported_models(cls) -> list[DenseModelDescription]:
        from rapidembed.compat.inner.late_interaction import InnerLateInteraction
        from rapidembed.compat.listing import dense

        return dense(InnerLateInteraction._task.models())

    def embed(
        self, documents: str | Iterable[str], batch_size: int = 256, parallel: int | None = None, **kwargs: Any
    ) -> Iterator[NumpyArray]:
        """Vectors of documents."""
        yield from self._native._embed("document", documents, self._bulk(batch_size, parallel))

    passage_embed = embed

    def query_embed(
        self, query: str | Iterable[str], batch_size: int = 256, parallel: int | None = None, **kwargs: Any
    ) -> Iterator[NumpyArray]:
        """Vectors of queries."""
        yield from self._native._embed("query", query, self._bulk(batch_size, parallel))

    def token_count(
        self,
        texts: str | Iterable[str],
        batch_size: int = 1024,
        is_doc: bool = True,
        include_extension: bool = False,
        **kwargs: Any,
    ) -> int:
        """Tokens of all texts."""
        count: int = self._native.token_count(texts, batch_size, is_doc, include_extension)
        return count


class LateInteractionTextEmbedding(Sized):
    """Token vectors of texts: arguments, results and errors are those of fastembed's class of this name.

    Methods are generators, so errors of their arguments come with the first vector.
    """

    _class = LateInteractionModel
    model: LateInteractionModel

    def __init__(
        self,
        model_name: str,
        cache_dir: str | None = None,
        threads: int | None = None,
        providers: Sequence[OnnxProvider] | None = None,
        cuda: bool | Device = Device.AUTO,
        device_ids: list[int] | None = None,
        lazy_load: bool = False,
        **kwargs: Any,
    ) -> None:
        self._start(locals())

    def embed(
        self, documents: str | Iterable[str], batch_size: int = 256, parallel: int | None = None, **kwargs: Any
    ) -> Iterable[NumpyArray]:
        """Vectors of documents, float32 (tokens, dimensions) each, in their order."""
        yield from self.model.embed(documents, batch_size, parallel, **kwargs)

    def query_embed(self, query: str | Iterable[str], **kwargs: Any) -> Iterable[NumpyArray]:
        """Vectors of queries, float32 (tokens, dimensions) each, in their order."""
        yield from self.model.query_embed(query, **kwargs)

    def passage_embed(self, texts: Iterable[str], **kwargs: Any) -> Iterable[NumpyArray]:
        """As :meth:`embed`."""
        yield from self.model.passage_embed(texts, **kwargs)

    def token_count(
        self,
        texts: str | Iterable[str],
        batch_size: int = 1024,
        is_doc: bool = True,
        include_extension: bool = False,
        **kwargs: Any,
    ) -> int:
        """Tokens of all texts; with ``include_extension`` also the marker, and what queries are filled up with."""
        return self.model.token_count(
            texts, batch_size=batch_size, is_doc=is_doc, include_extension=include_extension, **kwargs
        )
