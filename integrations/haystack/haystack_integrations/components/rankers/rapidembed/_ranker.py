"""What the rankers share: from Documents to texts, from scores to the best Documents."""

import asyncio
from dataclasses import replace
from typing import Any

from haystack import Document, component
from haystack_integrations.components.embedders.rapidembed._embedder import LocalEmbedder


class LocalRanker(LocalEmbedder):
    """The base of the components; each lists its parameters in its own ``__init__``, as Haystack wants it."""

    model_name: str
    top_k: int | None
    meta_fields_to_embed: list[str] | None
    meta_data_separator: str
    score_threshold: float | None

    @component.output_types(documents=list[Document])
    def run(
        self,
        query: str,
        documents: list[Document],
        top_k: int | None = None,
        score_threshold: float | None = None,
    ) -> dict[str, list[Document]]:
        """Rank Documents.

        Args:
            query: the query.
            documents: Documents to rank; of several with the same id one is kept.
            top_k: instead of the component's.
            score_threshold: instead of the component's.

        Returns:
            ``{"documents": ...}``, copies of the best Documents, the best first, with ``score`` set.

        Raises:
            TypeError: ``documents`` is not a list of Documents.
            ValueError: ``query`` is empty, or ``top_k`` is not positive.
        """
        unique, texts = self._prepared(query, documents, top_k)
        return self._ranked(unique, self._scores(query, texts), top_k, score_threshold)

    @component.output_types(documents=list[Document])
    async def run_async(
        self,
        query: str,
        documents: list[Document],
        top_k: int | None = None,
        score_threshold: float | None = None,
    ) -> dict[str, list[Document]]:
        """:meth:`run` without blocking the event loop; cancelling stops the work."""
        unique, texts = await asyncio.to_thread(self._prepared, query, documents, top_k)
        return self._ranked(unique, await self._ascores(query, texts), top_k, score_threshold)

    def _scores(self, query: str, texts: list[str]) -> Any:
        """How well each text answers the query."""
        raise NotImplementedError

    async def _ascores(self, query: str, texts: list[str]) -> Any:
        """:meth:`_scores` without blocking the event loop."""
        raise NotImplementedError

    @property
    def _name(self) -> str:
        return self.model_name

    def _check_options(self) -> None:
        _check_top_k(self.top_k)

    def _model_options(self) -> dict[str, Any]:
        return {**super()._model_options(), "max_tokens": self.max_tokens, "truncate": self.truncate}

    def _prepared(self, query: object, documents: object, top_k: int | None) -> tuple[list[Document], list[str]]:
        """The Documents, each once, and their texts. Input is checked before the model is loaded."""
        if not isinstance(query, str) or not query:
            raise ValueError(f"query must be a str that is not empty, got {query!r}.")
        if not isinstance(documents, list) or not all(isinstance(document, Document) for document in documents):
            raise TypeError(f"{type(self).__name__} ranks a list of Documents, got {_kinds(documents)}.")
        _check_top_k(top_k)
        unique = list({document.id: document for document in documents}.values())
        return unique, [self._text(document) for document in unique]

    def _text(self, document: Document) -> str:
        meta = document.meta
        parts = [str(meta[name]) for name in self.meta_fields_to_embed or () if meta.get(name) is not None]
        return self.meta_data_separator.join([*parts, document.content or ""])

    def _ranked(
        self, documents: list[Document], scores: Any, top_k: int | None, score_threshold: float | None
    ) -> dict[str, list[Document]]:
        """Copies of the best Documents with their scores, the best first."""
        top_k = self.top_k if top_k is None else top_k
        threshold = self.score_threshold if score_threshold is None else score_threshold
        best = sorted(range(len(documents)), key=lambda i: -scores[i])[:top_k]
        ranked = [replace(documents[i], score=float(scores[i])) for i in best]
        return {"documents": [each for each in ranked if threshold is None or (each.score or 0.0) >= threshold]}


def _check_top_k(top_k: object) -> None:
    if top_k is not None and (isinstance(top_k, bool) or not isinstance(top_k, int) or top_k < 1):
        raise ValueError(f"top_k must be a positive integer or None, got {top_k!r}.")


def _kinds(documents: object) -> str:
    if not isinstance(documents, list):
        return type(documents).__name__
    wrong = next(i for i, document in enumerate(documents) if not isinstance(document, Document))
    return f"{type(documents[wrong]).__name__} at documents[{wrong}]"
