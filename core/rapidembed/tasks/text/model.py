"""A model as :class:`rapidembed.TextEmbedding` uses it: what the facade's options make of its vectors."""

from collections.abc import Awaitable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from rapidembed.hub import Checkpoint
from rapidembed.names import LongText
from rapidembed.registry import ModelSpec, Pooling
from rapidembed.registry.own_code import DOCUMENT_TASK, QUERY_TASK
from rapidembed.runtime.engine import Engine
from rapidembed.runtime.lease import Lease
from rapidembed.runtime.sinks import VectorSink
from rapidembed.runtime.tokenizer import TokenIds
from rapidembed.tasks.bulk import Bulk
from rapidembed.tasks.call import Call
from rapidembed.tasks.fingerprint import weights_hash
from rapidembed.tasks.lone import Lone
from rapidembed.tasks.text.options import TextOptions
from rapidembed.tasks.text.parts import adapter_of, token_vectors_of
from rapidembed.tasks.token_model import TokenModel, prompts_of, token_limit
from rapidembed.tasks.unit import unit_rows
from rapidembed.types import Vectors

if TYPE_CHECKING:
    from rapidembed.runtime.adapter import Adapter
    from rapidembed.tasks.info import ModelInfo
    from rapidembed.tasks.text.reader import LongReader

_REMEDY = 'Split them, read all of them by long_text="weighted"'


@dataclass(frozen=True, slots=True, kw_only=True)
class TextModel(TokenModel[TextOptions]):
    """Everything that a call needs."""

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
            return np.asarray(self.finish(self.long.one(call, text)[None], call.role)[0])
        return self.run_lone(text, self._lone(call))

    def aone(self, call: Call, text: str) -> Awaitable[Vectors] | None:
        """See :meth:`rapidembed.tasks.runner.RunnableModel.aone`."""
        return self.arun_lone(text, self._lone(call)) if self.long_text == "truncate" else None

    def rows(self, call: Call, texts: Iterable[str], bulk: Bulk) -> Iterator[Vectors]:
        """The vectors of many texts, window by window, float32 (some texts, dimensions)."""
        vectors = self._cut_rows if self.long_text == "truncate" else self.long.rows
        for window in vectors(call, texts, bulk):
            yield self.finish(window, call.role)

    def token_count(self, texts: Iterable[str], batch_size: int) -> int:
        """Tokens over all texts as the model reads them."""
        if self.long_text == "truncate":
            return TokenModel.token_count(self, texts, batch_size)
        return self.long.token_count(self.call("plain"), texts)

    @property
    def long(self) -> "LongReader":
        """What reads texts in parts."""
        from rapidembed.tasks.text.reader import LongReader  # most texts are read at once

        return LongReader(self)

    def _cut_rows(self, call: Call, texts: Iterable[str], bulk: Bulk) -> Iterator[Vectors]:
        return self.windows(texts, self.steps(call), VectorSink(self.spec.dim), bulk, call.extra)

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

    def _lone(self, call: Call) -> Lone[str, TokenIds, Vectors]:
        def vector(_: TokenIds, row: Vectors) -> Vectors:
            # Of a model that gives a vector for every token, the first one's; see VectorSink.
            vectors = row[None] if row.ndim == 1 else row[:1, : self.spec.dim]
            finished: Vectors = self.finish(vectors, call.role)[0]
            # A view of the model's output would keep all of it in memory.
            return finished.copy() if finished.base is row.base else finished

        return Lone(self.steps(call), vector, call.extra)

    def _prompt_tokens(self, prompt: str) -> int:
        """Tokens of every text that the prompt takes, the special one at the beginning included."""
        if not prompt:
            return 0
        tokenizer = self.engine.tokenizer
        return len(tokenizer.encode([prompt], self.max_tokens)[0].ids) - tokenizer.trailing

    def finish(self, vectors: Vectors, role: str) -> Vectors:
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
