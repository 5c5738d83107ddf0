"""A model as :class:`rapidembed.TextEmbedding` uses it: what the facade's options make of its vectors."""

from collections.abc import Awaitable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rapidembed.hub import Checkpoint
from rapidembed.registry import TEXT, ModelSpec, Pooling
from rapidembed.registry.own_code import DOCUMENT_TASK, QUERY_TASK
from rapidembed.runtime.engine import Engine
from rapidembed.runtime.lease import Lease
from rapidembed.runtime.sinks import VectorSink
from rapidembed.runtime.tokenizer import TokenIds
from rapidembed.tasks.bulk import Bulk
from rapidembed.tasks.call import Call
from rapidembed.tasks.lone import Lone
from rapidembed.tasks.text.options import TextOptions
from rapidembed.tasks.token_model import TokenModel, prompts_of, token_limit
from rapidembed.tasks.unit import unit_rows
from rapidembed.types import Vectors

if TYPE_CHECKING:
    from rapidembed.tasks.info import ModelInfo


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

    @classmethod
    def of(cls, lease: Lease, checkpoint: Checkpoint, options: TextOptions) -> "TextModel":
        """See :meth:`LeasedModel.of`."""
        spec = checkpoint.spec
        dimensions = options.dimensions or min(spec.truncate_dim or spec.dim, spec.dim)
        if dimensions > spec.dim:
            raise ValueError(f"dimensions must be at most {spec.dim} for {spec.name}, got {dimensions}.")
        return cls(
            lease=lease,
            checkpoint=checkpoint,
            dimensions=dimensions,
            role_tokens=_role_limits(options, spec, lease.engine),
            cut_last=options.dimensions is None and spec.truncate_dim is not None,
            max_tokens=token_limit(options.max_tokens, spec, lease.engine),
            normalize=spec.normalize if options.normalize is None else options.normalize,
            truncate=options.truncate,
            prompts=prompts_of(spec, options.prompts),
        )

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
        return Call(prompt, self.role_tokens.get(role, self.max_tokens), self.truncate, extra, role)

    def one(self, call: Call, text: str) -> Vectors:
        """The vector of a lone text, float32 (dimensions,)."""
        return self.run_lone(text, self._lone(call))

    def aone(self, call: Call, text: str) -> Awaitable[Vectors] | None:
        """See :meth:`rapidembed.tasks.runner.RunnableModel.aone`."""
        return self.arun_lone(text, self._lone(call))

    def rows(self, call: Call, texts: Iterable[str], bulk: Bulk) -> Iterator[Vectors]:
        """The vectors of many texts, window by window, float32 (some texts, dimensions)."""
        for window in self.windows(texts, self.steps(call), VectorSink(self.spec.dim), bulk, call.extra):
            yield self._finish(window)

    def info(self) -> "ModelInfo":
        """What is loaded, and from where."""
        return replace(TokenModel.info(self), dimensions=self.dimensions, normalize=self.normalize)

    def facts(self) -> dict[str, Any]:
        """Everything beside the files that decides the vectors."""
        return TokenModel.facts(self) | {
            "pooling": self.spec.pooling,
            "include_prompt": self.spec.include_prompt,
            "normalize": self.normalize,
            "dimensions": self.dimensions,
            "cut_last": self.cut_last,
            "role_tokens": dict(self.role_tokens),
            "prompts": self.prompts,
        }

    def _lone(self, call: Call) -> Lone[str, TokenIds, Vectors, Vectors]:
        return Lone(self.steps(call), VectorSink(self.spec.dim), self._vector, call.extra)

    def _vector(self, window: Vectors) -> Vectors:
        vector: Vectors = self._finish(window)[0]
        return vector

    def _prompt_tokens(self, prompt: str) -> int:
        """Tokens of every text that the prompt takes, the special one at the beginning included."""
        if not prompt:
            return 0
        tokenizer = self.engine.tokenizer
        return len(tokenizer.encode([prompt], self.max_tokens)[0].ids) - tokenizer.trailing

    def _finish(self, vectors: Vectors) -> Vectors:
        """Cut and normalize, per facade: the engine below is shared."""
        if self.cut_last and self.normalize:
            vectors = unit_rows(vectors)
        vectors = vectors[:, : self.dimensions]
        return unit_rows(vectors) if self.normalize and not self.cut_last else vectors


def _role_limits(options: TextOptions, spec: ModelSpec, engine: Engine[Any]) -> dict[str, int]:
    """Limits of queries and documents that have their own, where the caller gives none."""
    if options.max_tokens is not None:
        return {}
    return {
        role: token_limit(min(limit, engine.position_limit or limit), spec, engine)
        for role, limit in spec.role_tokens.items()
    }
