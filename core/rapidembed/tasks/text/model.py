"""A model as :class:`rapidembed.TextEmbedding` uses it: what the facade's options make of its vectors."""

from collections.abc import Awaitable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from rapidembed.hub import Checkpoint
from rapidembed.names import LongText
from rapidembed.registry import TEXT, ModelSpec, Pooling
from rapidembed.registry.own_code import DOCUMENT_TASK, QUERY_TASK
from rapidembed.runtime.engine import Engine
from rapidembed.runtime.inputs import check_positive
from rapidembed.runtime.lease import Lease
from rapidembed.runtime.sinks import ListSink, Sink, VectorSink
from rapidembed.runtime.tokenizer import TokenIds
from rapidembed.tasks.bulk import Bulk
from rapidembed.tasks.call import Call
from rapidembed.tasks.fingerprint import weights_hash
from rapidembed.tasks.lone import Lone
from rapidembed.tasks.results import Chunk
from rapidembed.tasks.text.long import (
    Cut,
    Cutter,
    Piece,
    PieceSteps,
    Regrouped,
    chunk_vectors,
    combined,
    pooled_tokens,
)
from rapidembed.tasks.text.options import TextOptions
from rapidembed.tasks.text.parts import adapter_of, token_vectors_of
from rapidembed.tasks.token_model import TokenModel, prompts_of, token_limit
from rapidembed.tasks.unit import unit_rows
from rapidembed.types import Vectors

if TYPE_CHECKING:
    from rapidembed.runtime.adapter import Adapter
    from rapidembed.tasks.info import ModelInfo

_REMEDY = 'Split them, read all of them by long_text="weighted"'


@dataclass(frozen=True, slots=True, kw_only=True)
class TextModel(TokenModel[TextOptions]):
    """Everything that a call needs."""

    task = TEXT

    dimensions: int
    role_tokens: Mapping[str, int]
    """Token limits of queries and documents, where they have their own."""
    cut_last: bool
    """Whether vectors are cut after they are normalized, as the checkpoint's own ``truncate_dim`` has it."""
    normalize: bool
    adapter: "Adapter | None" = None
    long_text: LongText = "truncate"

    @classmethod
    def of(cls, lease: Lease, checkpoint: Checkpoint, options: TextOptions) -> "TextModel":
        """See :meth:`LeasedModel.of`."""
        spec = checkpoint.spec
        return cls(
            lease=lease,
            checkpoint=checkpoint,
            dimensions=dimensions_of(spec, options),
            role_tokens=_role_limits(options, spec, lease.engine),
            cut_last=options.dimensions is None and spec.truncate_dim is not None,
            max_tokens=token_limit(options.max_tokens, spec, lease.engine),
            normalize=spec.normalize if options.normalize is None else options.normalize,
            truncate=options.truncate,
            prompts=prompts_of(spec, options.prompts),
            adapter=adapter_of(options, checkpoint),
            long_text=options.long_text,
        )

    @classmethod
    def computed(cls, checkpoint: Checkpoint, options: TextOptions) -> Checkpoint:
        """See :meth:`LeasedModel.computed`: late chunking needs the tokens' vectors."""
        return token_vectors_of(checkpoint) if options.long_text == "late" else checkpoint

    @classmethod
    def pooling(cls, options: TextOptions) -> Pooling | None:
        """What the options say of pooling."""
        return options.pooling_modes

    def call(self, role: str) -> Call:
        """A new call in the role "plain", "query" or "document"."""
        tasks, prompt = self.spec.tasks, self.prompts[role]
        extra = {}
        if tasks:
            extra["task_id"] = tasks[QUERY_TASK if role == "query" else DOCUMENT_TASK]
        if not self.spec.include_prompt:
            extra["prompt_tokens"] = self._prompt_tokens(prompt)
        limit = self.role_tokens.get(role, self.max_tokens)
        return Call(prompt, limit, self.truncate, extra, role, remedy=_REMEDY)

    def one(self, call: Call, text: str) -> Vectors:
        """The vector of a lone text, float32 (dimensions,)."""
        if self.long_text != "truncate":
            return self._long_one(call, text)
        return self.run_lone(text, self._lone(call))

    def aone(self, call: Call, text: str) -> Awaitable[Vectors] | None:
        """See :meth:`rapidembed.tasks.runner.RunnableModel.aone`."""
        return self.arun_lone(text, self._lone(call)) if self.long_text == "truncate" else None

    def rows(self, call: Call, texts: Iterable[str], bulk: Bulk) -> Iterator[Vectors]:
        """The vectors of many texts, window by window, float32 (some texts, dimensions)."""
        vectors = self._cut_rows if self.long_text == "truncate" else self._long_rows
        for window in vectors(call, texts, bulk):
            yield self._finish(window, call.role)

    def token_count(self, texts: Iterable[str], batch_size: int) -> int:
        """Tokens over all texts as the model reads them."""
        if self.long_text == "truncate":
            return TokenModel.token_count(self, texts, batch_size)
        cutter = self._cutter(self.call("plain"))
        return sum(len(piece.ids) for index, text in enumerate(texts) for piece in cutter.cut(text, index).pieces)

    def chunks(self, text: str, most: int | None, overlap: int) -> tuple[list[Chunk], Cut]:
        """See :meth:`rapidembed.TextEmbedding.chunks`; and what the model reads of them."""
        if most is not None:
            check_positive("max_tokens", most)
        if isinstance(overlap, bool) or not isinstance(overlap, int):
            raise ValueError(f"overlap must be a whole number, got {overlap!r}.")
        return self._cutter(self.call("document")).chunks(text, most, overlap)

    def encode_chunks(self, text: str, most: int | None, overlap: int, bulk: Bulk) -> tuple[list[Chunk], Vectors]:
        """See :meth:`rapidembed.TextEmbedding.encode_chunks`."""
        chunks, cut = self.chunks(text, most, overlap)
        if not chunks:
            return [], np.empty((0, self.dimensions), dtype=np.float32)
        results = [result for window in self._read(self.call("document"), cut.pieces, bulk) for result in window]
        return chunks, self._finish(self._vectors(cut, results), "document")

    def _cut_rows(self, call: Call, texts: Iterable[str], bulk: Bulk) -> Iterator[Vectors]:
        return self.windows(texts, self.steps(call), VectorSink(self.spec.dim), bulk, call.extra)

    def _long_rows(self, call: Call, texts: Iterable[str], bulk: Bulk) -> Iterator[Vectors]:
        """Vectors of whole texts, float32 (some texts, dim)."""
        grouped: Regrouped[Any] = Regrouped(self._cutter(call))
        for window in self._read(call, grouped.pieces(texts), bulk):
            done = [self._whole(cut, results) for cut, results in grouped.texts(window)]
            if done:
                yield np.stack(done)

    def _long_one(self, call: Call, text: str) -> Vectors:
        cut = self._cutter(call).cut(text)
        if len(cut.pieces) == 1:
            results = [self.single(cut.pieces[0], PieceSteps(), self._sink, call.extra)[0]]
        else:
            windows = self._read(call, cut.pieces, Bulk(len(cut.pieces), None, False))
            results = [result for window in windows for result in window]
        return np.asarray(self._finish(self._whole(cut, results)[None], call.role)[0])

    def _read(self, call: Call, pieces: Iterable[Piece], bulk: Bulk) -> Iterator[Any]:
        """What the model makes of pieces: vectors, or of token vectors their sums by chunk."""
        return self.windows(pieces, PieceSteps(), self._sink, bulk, call.extra)

    def _vectors(self, cut: Cut, results: Sequence[Any]) -> Vectors:
        """The vector of each part of a text."""
        if self.long_text == "late":
            return chunk_vectors(cut, results)
        vectors = np.stack(results)
        return unit_rows(vectors) if self.normalize else vectors

    def _whole(self, cut: Cut, results: Sequence[Any]) -> Vectors:
        """A text's one vector."""
        return combined(self._vectors(cut, results), cut.weights, self.long_text)

    def _cutter(self, call: Call) -> Cutter:
        return Cutter(call, self.engine.tokenizer, late=self.long_text == "late")

    @property
    def _sink(self) -> Sink[TokenIds, Any]:
        return ListSink(pooled_tokens) if self.long_text == "late" else VectorSink(self.spec.dim)

    def info(self) -> "ModelInfo":
        """What is loaded, and from where."""
        sides = self.adapter.sides if self.adapter else None
        return replace(TokenModel.info(self), dimensions=self.dimensions, normalize=self.normalize, adapter=sides)

    def facts(self) -> dict[str, Any]:
        """Everything beside the files that decides the vectors."""
        facts = TokenModel.facts(self) | {
            "pooling": self.spec.pooling,
            "include_prompt": self.spec.include_prompt,
            "normalize": self.normalize,
            "dimensions": self.dimensions,
            "cut_last": self.cut_last,
            "role_tokens": dict(self.role_tokens),
            "prompts": self.prompts,
        }
        facts |= {"adapter": self.adapter.digest} if self.adapter else {}
        return facts | ({} if self.long_text == "truncate" else {"long_text": self.long_text})

    @property
    def weights(self) -> str:
        """A hash of the weights, by which an adapter knows them."""
        return weights_hash(self.checkpoint)

    def _lone(self, call: Call) -> Lone[str, TokenIds, Vectors, Vectors]:
        def vector(window: Vectors) -> Vectors:
            return np.asarray(self._finish(window, call.role)[0])

        return Lone(self.steps(call), VectorSink(self.spec.dim), vector, call.extra)

    def _prompt_tokens(self, prompt: str) -> int:
        """Tokens of every text that the prompt takes, the special one at the beginning included."""
        if not prompt:
            return 0
        tokenizer = self.engine.tokenizer
        return len(tokenizer.encode([prompt], self.max_tokens)[0].ids) - tokenizer.trailing

    def _finish(self, vectors: Vectors, role: str) -> Vectors:
        """Turn, cut and normalize, per facade: the engine below is shared."""
        if self.adapter is not None and self.adapter.applies(role):
            vectors = self.adapter.apply(vectors)
        if self.cut_last and self.normalize:
            vectors = unit_rows(vectors)
        vectors = vectors[:, : self.dimensions]
        return unit_rows(vectors) if self.normalize and not self.cut_last else vectors


def dimensions_of(spec: ModelSpec, options: TextOptions) -> int:
    """Dimensions of the vectors.

    Raises:
        ValueError: more are asked for than there are.
    """
    dimensions = options.dimensions or min(spec.truncate_dim or spec.dim, spec.dim)
    if dimensions > spec.dim:
        raise ValueError(f"dimensions must be at most {spec.dim} for {spec.name}, got {dimensions}.")
    return dimensions


def _role_limits(options: TextOptions, spec: ModelSpec, engine: Engine[Any]) -> dict[str, int]:
    """Limits of queries and documents that have their own, where the caller gives none."""
    if options.max_tokens is not None:
        return {}
    return {
        role: token_limit(min(limit, engine.position_limit or limit), spec, engine)
        for role, limit in spec.role_tokens.items()
    }
