"""fastembed's class for reranking."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from rapidembed.compat.common.model_description import ModelSource
from rapidembed.compat.facade import FastembedClass
from rapidembed.compat.model import FastembedModel


class CrossEncoderModel(FastembedModel):
    """A model for pairs."""

    _facade = "TextCrossEncoder"
    _inner = ("rapidembed.compat.inner.rerank", "InnerRerank")
    _listed = "base"
    _settled: ClassVar[Mapping[str, object]] = {"label": 0}
    """fastembed reads the first score, however many there are."""

    def rerank(self, query: str, documents: Iterable[str], batch_size: int = 64, **kwargs: Any) -> Iterator[float]:
        """Scores of documents."""
        self._bulk(batch_size, None)
        yield from self._native.rerank(query, documents, batch_size)

    def rerank_pairs(
        self, pairs: Iterable[tuple[str, str]], batch_size: int = 64, parallel: int | None = None, **kwargs: Any
    ) -> Iterator[float]:
        """Scores of pairs."""
        yield from self._native.rerank_pairs(pairs, batch_size, self._bulk(batch_size, parallel).parallel)

    def token_count(self, pairs: Iterable[tuple[str, str]], batch_size: int = 1024, **kwargs: Any) -> int:
        """Tokens of all pairs."""
        count: int = self._native.token_count(pairs, batch_size)
        return count


class TextCrossEncoder(FastembedClass):
    """Scores of pairs: arguments, results and errors are those of fastembed's class of this name.

    Methods are generators, so errors of their arguments come with the first score.
    """

    _class = CrossEncoderModel
    model: CrossEncoderModel

    @classmethod
    def _class_of(cls, model_name: str) -> type[FastembedModel]:
        from rapidembed.compat.rerank.cross_encoder.custom_text_cross_encoder import CustomTextCrossEncoder

        return CustomTextCrossEncoder if CustomTextCrossEncoder.knows(model_name) else CrossEncoderModel

    @classmethod
    def add_custom_model(
        cls,
        model: str,
        sources: ModelSource,
        model_file: str = "onnx/model.onnx",
        description: str = "",
        license: str = "",
        size_in_gb: float = 0.0,
        additional_files: list[str] | None = None,
    ) -> None:
        """Add an ONNX model to this process; see :meth:`rapidembed.TextCrossEncoder.add_custom_model`.

        Raises:
            ValueError: the name is taken.
        """
        from rapidembed.compat.custom import PLACE, add_exported
        from rapidembed.registry import RERANK
        from rapidembed.tasks.custom import custom_reranker

        spec = custom_reranker(model, PLACE)
        add_exported(RERANK, spec, sources, model_file, additional_files, description, license, size_in_gb)

    def rerank(self, query: str, documents: Iterable[str], batch_size: int = 64, **kwargs: Any) -> Iterable[float]:
        """The model's score of each document for a query, in their order; higher is more relevant."""
        yield from self.model.rerank(query, documents, batch_size=batch_size, **kwargs)

    def rerank_pairs(
        self, pairs: Iterable[tuple[str, str]], batch_size: int = 64, parallel: int | None = None, **kwargs: Any
    ) -> Iterable[float]:
        """The model's score of each pair (query, document), in their order."""
        yield from self.model.rerank_pairs(pairs, batch_size=batch_size, parallel=parallel, **kwargs)

    def token_count(self, pairs: Iterable[tuple[str, str]], batch_size: int = 1024, **kwargs: Any) -> int:
        """Tokens of all pairs: special ones included, after cutting."""
        return self.model.token_count(pairs, batch_size=batch_size, **kwargs)
