"""fastembed's class for sparse vectors of texts."""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rapidembed.compat.common.model_description import SparseModelDescription
from rapidembed.compat.facade import OfTexts
from rapidembed.compat.model import FastembedModel, TextsModel
from rapidembed.compat.sparse.bm25 import Bm25
from rapidembed.compat.sparse.sparse_embedding_base import SparseEmbedding

if TYPE_CHECKING:
    from rapidembed.tasks.bulk import Bulk

_MISSPELT, _SPELT = "prithvida/Splade_PP_en_v1", "prithivida/Splade_PP_en_v1"


class SparseModel(TextsModel):
    """A network for sparse vectors."""

    _facade = "SparseTextEmbedding"
    _inner = ("rapidembed.compat.inner.sparse", "InnerSparse")
    _listed = "sparse"

    @property
    def _options(self) -> Sequence[str]:  # type: ignore[override]
        from rapidembed.tasks.sparse.options import options_of

        return options_of(self.model_name)

    def query_embed(
        self, query: str | Iterable[str], batch_size: int = 256, parallel: int | None = None, **kwargs: Any
    ) -> Iterator[SparseEmbedding]:
        """Vectors of queries."""
        used = self._used
        bulk = self._bulk(batch_size, parallel)
        self._used = used or not self._native._loaded().weigher.looks_up
        yield from self._vectors("query", query, bulk)

    def _vectors(self, role: str, texts: str | Iterable[str], bulk: "Bulk") -> Iterator[SparseEmbedding]:
        """The vectors in the types that fastembed gives."""
        model, vectors = self._native._loaded(), super()._vectors(role, texts, bulk)
        # Those of miniCOIL are what its numbers are; the others were multiplied by whole numbers.
        values, indices = (np.float32, np.int32) if model.spec.head == "words" else (np.float64, np.int64)
        for vector in vectors:
            yield SparseEmbedding(vector.values.astype(values, copy=False), vector.indices.astype(indices, copy=False))


class SparseTextEmbedding(OfTexts[SparseEmbedding]):
    """Sparse vectors of texts: arguments, results and errors are those of fastembed's class of this name.

    Methods are generators, so errors of their arguments come with the first vector.
    """

    _class = SparseModel
    model: SparseModel | Bm25

    def _start(self, arguments: Mapping[str, Any]) -> None:
        given = arguments["model_name"]
        if given.lower() == _MISSPELT.lower():
            warnings.warn(f"{_MISSPELT} is misspelt: use {_SPELT}.", DeprecationWarning, stacklevel=3)
            arguments = {**arguments, "model_name": _SPELT}
        super()._start(arguments)
        self.model_name = given

    @classmethod
    def _class_of(cls, model_name: str) -> type[FastembedModel]:
        return Bm25 if Bm25.is_name(model_name) else SparseModel

    @classmethod
    def _list_supported_models(cls) -> list[SparseModelDescription]:
        networks = SparseModel._list_supported_models()
        after_bm42 = next((i + 1 for i, row in enumerate(networks) if row.model.startswith("Qdrant/bm42")), 0)
        return [*networks[:after_bm42], *Bm25._list_supported_models(), *networks[after_bm42:]]
