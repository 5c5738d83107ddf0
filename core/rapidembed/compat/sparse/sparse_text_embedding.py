"""fastembed's class for sparse vectors of texts."""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from rapidembed.compat.common.model_description import SparseModelDescription
from rapidembed.compat.common.types import OnnxProvider
from rapidembed.compat.facade import FastembedClass
from rapidembed.compat.model import FastembedModel
from rapidembed.compat.sparse.bm25 import Bm25
from rapidembed.compat.sparse.sparse_embedding_base import SparseEmbedding
from rapidembed.types import Device

_MISSPELT, _SPELT = "prithvida/Splade_PP_en_v1", "prithivida/Splade_PP_en_v1"


class SparseModel(FastembedModel):
    """A network for sparse vectors."""

    _facade = "SparseTextEmbedding"
    _inner = ("rapidembed.compat.inner.sparse", "InnerSparse")

    @property
    def _options(self) -> Sequence[str]:  # type: ignore[override]
        from rapidembed.tasks.sparse.options import options_of

        return options_of(self.model_name)

    @classmethod
    def _list_supported_models(cls) -> list[SparseModelDescription]:
        from rapidembed.compat.inner.sparse import InnerSparse
        from rapidembed.compat.listing import sparse

        return sparse(InnerSparse._task.models())

    def embed(
        self, documents: str | Iterable[str], batch_size: int = 256, parallel: int | None = None, **kwargs: Any
    ) -> Iterator[SparseEmbedding]:
        """Vectors of documents."""
        bulk = self._bulk(batch_size, parallel)
        return self._converted(self._native._embed("document", documents, bulk))

    passage_embed = embed

    def query_embed(
        self, query: str | Iterable[str], batch_size: int = 256, parallel: int | None = None, **kwargs: Any
    ) -> Iterator[SparseEmbedding]:
        """Vectors of queries."""
        used = self._used
        bulk = self._bulk(batch_size, parallel)
        self._used = used or not self._native._loaded().weigher.looks_up
        return self._converted(self._native._embed("query", query, bulk))

    def token_count(self, texts: str | Iterable[str], batch_size: int = 1024, **kwargs: Any) -> int:
        """Tokens of all texts."""
        count: int = self._native.token_count(texts, batch_size)
        return count

    def _converted(self, vectors: Iterator[Any]) -> Iterator[SparseEmbedding]:
        """The vectors in the types that fastembed gives."""
        model = self._native._loaded()
        # Those of miniCOIL are what its numbers are; the others were multiplied by whole numbers.
        values, indices = (np.float32, np.int32) if model.spec.head == "words" else (np.float64, np.int64)
        for vector in vectors:
            yield SparseEmbedding(vector.values.astype(values, copy=False), vector.indices.astype(indices, copy=False))


class SparseTextEmbedding(FastembedClass):
    """Sparse vectors of texts: arguments, results and errors are those of fastembed's class of this name.

    Methods are generators, so errors of their arguments come with the first vector.
    """

    _class = SparseModel
    model: SparseModel | Bm25

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
        arguments = dict(locals())
        if model_name.lower() == _MISSPELT.lower():
            warnings.warn(f"{_MISSPELT} is misspelt: use {_SPELT}.", DeprecationWarning, stacklevel=2)
            arguments["model_name"] = _SPELT
        self._start(arguments)
        self.model_name = model_name

    @classmethod
    def _class_of(cls, model_name: str) -> type[FastembedModel]:
        return Bm25 if Bm25.is_name(model_name) else SparseModel

    @classmethod
    def _list_supported_models(cls) -> list[SparseModelDescription]:
        networks = SparseModel._list_supported_models()
        after_bm42 = next((i + 1 for i, row in enumerate(networks) if row.model.startswith("Qdrant/bm42")), 0)
        return [*networks[:after_bm42], *Bm25._list_supported_models(), *networks[after_bm42:]]

    def embed(
        self, documents: str | Iterable[str], batch_size: int = 256, parallel: int | None = None, **kwargs: Any
    ) -> Iterable[SparseEmbedding]:
        """Vectors of documents, in their order."""
        yield from self.model.embed(documents, batch_size, parallel, **kwargs)

    def query_embed(self, query: str | Iterable[str], **kwargs: Any) -> Iterable[SparseEmbedding]:
        """Vectors of queries, in their order."""
        yield from self.model.query_embed(query, **kwargs)

    def passage_embed(self, texts: Iterable[str], **kwargs: Any) -> Iterable[SparseEmbedding]:
        """As :meth:`embed`."""
        yield from self.model.passage_embed(texts, **kwargs)

    def token_count(self, texts: str | Iterable[str], batch_size: int = 1024, **kwargs: Any) -> int:
        """Tokens of all texts; of BM25 words, stopwords included."""
        return self.model.token_count(texts, batch_size=batch_size, **kwargs)
