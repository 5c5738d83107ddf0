"""Reranking for LlamaIndex."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import rapidembed
from llama_index.core.callbacks import CBEventType, EventPayload
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle
from pydantic import ConfigDict, Field, PrivateAttr, StrictInt, model_validator

from rapidembed_llamaindex.base import Configured, Fixed, Folder, text_of, without_class_name

if TYPE_CHECKING:
    from rapidembed import LateInteractionTextEmbedding, TextCrossEncoder  # at run time with the first model

# Options of these classes and their base; all others are passed on to the model under the same name.
_OWN_OPTIONS = frozenset(
    {"max_length", "batch_size", "parallel", "top_n", "keep_retrieval_score", "activation"}
    | set(BaseNodePostprocessor.model_fields)
)

dispatcher = get_dispatcher(__name__)


class _Rerank(Configured, BaseNodePostprocessor):
    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    model_name: Fixed[str]
    """Curated name, hub id, folder or ``package:NAME``."""
    top_n: int | None = Field(default=3, gt=0)
    """How many nodes to keep; None: all."""
    keep_retrieval_score: bool = False
    """Put the score that a node came with into its metadata, as "retrieval_score"."""
    max_length: Fixed[int | None] = None
    """Cut texts at this many tokens; None: the model's limit."""
    batch_size: int = Field(default=64, gt=0)
    parallel: int | None = None
    """Most cores to use for one call; None or 0: all that the model may use."""
    cache_dir: Fixed[Folder] = None
    threads: Fixed[int | None] = None
    """Most cores to use; None: all that the process may use."""
    providers: Fixed[Sequence[str | tuple[str, dict[str, Any]]] | None] = None
    device: Fixed[str | list[str]] = "auto"
    precision: Fixed[str] = "auto"
    backend: Fixed[str] = "onnxruntime"
    cuda: Fixed[bool | str] = "auto"
    device_ids: Fixed[list[int] | None] = None
    revision: Fixed[str | None] = None
    local_files_only: Fixed[bool] = False
    truncate: Fixed[bool] = True
    lazy_load: Fixed[bool] = False
    """Load the model at the first text instead of now."""
    specific_model_path: Fixed[Folder] = None

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        # Not in model_post_init: pydantic would turn every ValueError, "no such model" among them, into its own.
        options = {name: getattr(self, name) for name in type(self).model_fields if name not in _OWN_OPTIONS}
        self._start(options | {"max_tokens": self.max_length})

    @model_validator(mode="before")
    @classmethod
    def _accept_own_name(cls, fields: Any) -> Any:
        return without_class_name(cls, fields)

    def _start(self, options: dict[str, Any]) -> None:
        raise NotImplementedError

    def _scores(self, query: str, texts: list[str]) -> Any:
        raise NotImplementedError

    async def _ascores(self, query: str, texts: list[str]) -> Any:
        raise NotImplementedError

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        query, texts = _query(query_bundle), _texts(nodes)
        if not nodes:
            return []
        with self._told(nodes, query) as event:
            ranked = self._ranked(nodes, self._scores(query, texts))
            event.on_end(payload={EventPayload.NODES: ranked})
        dispatcher.event(ReRankEndEvent(nodes=ranked))
        return ranked

    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        query, texts = _query(query_bundle), _texts(nodes)
        if not nodes:
            return []
        with self._told(nodes, query) as event:
            ranked = self._ranked(nodes, await self._ascores(query, texts))
            event.on_end(payload={EventPayload.NODES: ranked})
        dispatcher.event(ReRankEndEvent(nodes=ranked))
        return ranked

    def _told(self, nodes: list[NodeWithScore], query: str) -> Any:
        """Tell handlers what begins; they are told of the end by the result."""
        count = len(nodes) if self.top_n is None else self.top_n
        dispatcher.event(ReRankStartEvent(query=query, nodes=nodes, top_n=count, model_name=self.model_name))
        payload: dict[str, Any] = {
            EventPayload.NODES: nodes,
            EventPayload.MODEL_NAME: self.model_name,
            EventPayload.QUERY_STR: query,
            EventPayload.TOP_K: count,
        }
        return self.callback_manager.event(CBEventType.RERANKING, payload=payload)

    def _ranked(self, nodes: list[NodeWithScore], scores: Any) -> list[NodeWithScore]:
        """New objects for the best nodes, the best first; the caller's stay as they are."""
        best = sorted(range(len(nodes)), key=lambda i: -scores[i])[: self.top_n]
        return [NodeWithScore(node=self._node(nodes[i]), score=float(scores[i])) for i in best]

    def _node(self, found: NodeWithScore) -> Any:
        if not self.keep_retrieval_score:
            return found.node
        return found.node.model_copy(update={"metadata": {**found.node.metadata, "retrieval_score": found.score}})


class FastEmbedRerank(_Rerank):
    """Keeps the nodes that answer a query best, by a cross-encoder that runs on this machine.

    Example:
        >>> from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
        >>> from rapidembed_llamaindex import FastEmbedRerank
        >>> reranker = FastEmbedRerank(model_name="Xenova/ms-marco-MiniLM-L-6-v2", top_n=1)  # doctest: +SKIP
        >>> nodes = [NodeWithScore(node=TextNode(text=text)) for text in ("stocks fell", "cats sleep")]
        >>> reranker.postprocess_nodes(nodes, QueryBundle("a feline"))[0].text  # doctest: +SKIP
        'cats sleep'

    Instances may be pickled and copied; copies share one loaded model within a process.
    """

    model_name: Fixed[str] = "Xenova/ms-marco-MiniLM-L-6-v2"
    activation: Literal["logit", "sigmoid"] = "logit"
    """"logit": scores are the model's own numbers; "sigmoid": between 0 and 1."""
    label: Fixed[str | StrictInt | None] = None
    """Of a classifier with several labels, the one whose score ranks: its name or its number."""

    _model: "TextCrossEncoder" = PrivateAttr()

    @classmethod
    def class_name(cls) -> str:
        """Name of this class in saved settings."""
        return "RapidEmbed_FastEmbedRerank"

    def _start(self, options: dict[str, Any]) -> None:
        self._model = rapidembed.TextCrossEncoder(**options)

    def _scores(self, query: str, texts: list[str]) -> Any:
        return self._model.score(query, texts, **self._score_options())

    async def _ascores(self, query: str, texts: list[str]) -> Any:
        return await self._model.ascore(query, texts, **self._score_options())

    def _score_options(self) -> dict[str, Any]:
        return {"activation": self.activation, "batch_size": self.batch_size, "parallel": self.parallel}


class FastEmbedColbertRerank(_Rerank):
    """Keeps the nodes that answer a query best, by late interaction (ColBERT) on this machine."""

    model_name: Fixed[str] = "colbert-ir/colbertv2.0"
    max_query_tokens: Fixed[int | None] = None
    """Cut queries at this many tokens; None: the checkpoint's limit of queries, or ``max_length`` if given."""

    _model: "LateInteractionTextEmbedding" = PrivateAttr()

    @classmethod
    def class_name(cls) -> str:
        """Name of this class in saved settings."""
        return "RapidEmbed_FastEmbedColbertRerank"

    def _start(self, options: dict[str, Any]) -> None:
        self._model = rapidembed.LateInteractionTextEmbedding(**options)

    def _scores(self, query: str, texts: list[str]) -> Any:
        vectors = self._model.encode_document(texts, batch_size=self.batch_size, parallel=self.parallel)
        return rapidembed.max_sim(self._model.encode_query(query), vectors)

    async def _ascores(self, query: str, texts: list[str]) -> Any:
        vectors = await self._model.aencode_document(texts, batch_size=self.batch_size, parallel=self.parallel)
        return rapidembed.max_sim(await self._model.aencode_query(query), vectors)


def _query(query_bundle: QueryBundle | None) -> str:
    if query_bundle is None:
        raise ValueError("Reranking needs a query: pass query_bundle or query_str.")
    if not isinstance(query_bundle, QueryBundle):
        raise TypeError(
            f"query_bundle must be a QueryBundle, got {type(query_bundle).__name__}; query_str takes a str."
        )
    return text_of(query_bundle.query_str, "query_str")


def _texts(nodes: list[NodeWithScore]) -> list[str]:
    if isinstance(nodes, str | NodeWithScore):
        raise TypeError(f"nodes must be a list of NodeWithScore, got one {type(nodes).__name__}; pass [node].")
    for index, found in enumerate(nodes):
        if not isinstance(found, NodeWithScore):
            raise TypeError(f"nodes[{index}] must be a NodeWithScore, got {type(found).__name__}.")
    return [found.node.get_content(metadata_mode=MetadataMode.EMBED) for found in nodes]
