"""Retrieval for LlamaIndex by several wordings of a question and several retrievers, joined into one ranking."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle
from rapidembed.toolkit import fuse

from rapidembed_llamaindex.base import text_of
from rapidembed_llamaindex.embedding import FastEmbedEmbedding

Fusion = Literal["reciprocal_rank", "relative_score"]


class FastEmbedFusionRetriever(BaseRetriever):
    """Asks every retriever for a question and its rewrites, embedded in one batch, and joins what they find.

    LlamaIndex's QueryFusionRetriever has a language model write the rewrites, embeds them one by one, and
    has no weights for reciprocal ranks.

    Example:
        >>> from llama_index.core import Document, VectorStoreIndex
        >>> from rapidembed_llamaindex import FastEmbedEmbedding, FastEmbedFusionRetriever
        >>> model = FastEmbedEmbedding(model_name="builtin:static-en")
        >>> notes = [Document(text="Expenses are refunded within ten days."), Document(text="Closed at Christmas.")]
        >>> index = VectorStoreIndex.from_documents(notes, embed_model=model)
        >>> def rewrite(question):
        ...     return ["refund of expenses"]
        >>> retriever = FastEmbedFusionRetriever([index.as_retriever()], model, rewrite, similarity_top_k=1)
        >>> retriever.retrieve("When is my money back?")[0].text
        'Expenses are refunded within ten days.'

    Args:
        retrievers: what is asked; those of vector indexes must be of ``embed_model``'s vectors.
        embed_model: embeds all wordings at once.
        rewrite: from a question to other wordings of it, such as a language model's; None: the question only.
        mode: "reciprocal_rank" joins ranks, "relative_score" scores brought to 0 to 1
            (:mod:`rapidembed.toolkit.fuse`).
        similarity_top_k: nodes to give back.
        retriever_weights: what each retriever counts; None: 1.
        rewrite_weight: what a rewrite counts; the question itself counts 1.
        others: of LlamaIndex's BaseRetriever.

    Raises:
        ValueError: there is no retriever, or ``mode``, ``similarity_top_k`` or weights are impossible.
        TypeError: ``embed_model`` or a wording is of another kind.
    """

    def __init__(
        self,
        retrievers: Sequence[BaseRetriever],
        embed_model: FastEmbedEmbedding,
        rewrite: Callable[[str], Sequence[str]] | None = None,
        mode: Fusion = "reciprocal_rank",
        similarity_top_k: int = 2,
        retriever_weights: Sequence[float] | None = None,
        rewrite_weight: float = 1.0,
        **others: Any,
    ) -> None:
        weights = [1.0] * len(retrievers) if retriever_weights is None else list(retriever_weights)
        if not isinstance(embed_model, FastEmbedEmbedding):
            raise TypeError(f"embed_model must be a FastEmbedEmbedding, got {type(embed_model).__name__}.")
        if mode not in get_args(Fusion):
            raise ValueError(f"mode must be one of {', '.join(get_args(Fusion))}, got {mode!r}.")
        if not retrievers or len(weights) != len(retrievers):
            raise ValueError(f"There must be retrievers and a weight for each, got {len(retrievers)}, {len(weights)}.")
        if similarity_top_k < 1:
            raise ValueError(f"similarity_top_k must be at least 1, got {similarity_top_k}.")
        self._retrievers, self._embed_model, self._rewrite = list(retrievers), embed_model, rewrite
        self._mode, self._most, self._weights, self._rewrite_weight = mode, similarity_top_k, weights, rewrite_weight
        super().__init__(**others)

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        wordings = self._wordings(query_bundle)
        vectors = self._embed_model._embed("query", wordings)
        bundles = [QueryBundle(wording, embedding=vector) for wording, vector in zip(wordings, vectors, strict=True)]
        return self._joined([[other.retrieve(bundle) for other in self._retrievers] for bundle in bundles])

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        wordings = self._wordings(query_bundle)
        vectors = await self._embed_model._aembed("query", wordings)
        bundles = [QueryBundle(wording, embedding=vector) for wording, vector in zip(wordings, vectors, strict=True)]
        return self._joined([[await other.aretrieve(bundle) for other in self._retrievers] for bundle in bundles])

    def _wordings(self, query_bundle: QueryBundle) -> list[str]:
        query = query_bundle.query_str
        rewrites = [] if self._rewrite is None else self._rewrite(query)
        if isinstance(rewrites, str):
            raise TypeError("rewrite must give a list of str, got one str; return [text].")
        return [query, *(text_of(wording, f"rewrite(query)[{index}]") for index, wording in enumerate(rewrites))]

    def _joined(self, found: list[list[list[NodeWithScore]]]) -> list[NodeWithScore]:
        """New objects for the best nodes; ``found`` has a ranking for each wording and retriever."""
        rankings = [nodes for of_wording in found for nodes in of_wording]
        counts = [1.0] + [self._rewrite_weight] * (len(found) - 1)
        weights = [count * weight for count in counts for weight in self._weights]
        nodes = {each.node.node_id: each.node for ranking in rankings for each in ranking}
        scores = [{each.node.node_id: each.score or 0.0 for each in ranking} for ranking in rankings]
        if self._mode == "reciprocal_rank":
            fused = fuse.reciprocal_rank([list(ranking) for ranking in scores], weights=weights)
        else:
            fused = fuse.relative_score(scores, weights)
        return [NodeWithScore(node=nodes[key], score=score) for key, score in fused[: self._most]]
