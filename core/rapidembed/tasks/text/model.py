"""A model as :class:`rapidembed.TextEmbedding` uses it: what the facade's options make of its vectors."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rapidembed.graph.compiled import ADAPTER
from rapidembed.hub import Checkpoint
from rapidembed.registry import TEXT, Pooling
from rapidembed.registry.own_code import DOCUMENT_TASK, QUERY_TASK
from rapidembed.runtime.lease import Lease
from rapidembed.runtime.sinks import VectorSink
from rapidembed.tasks.bulk import Bulk
from rapidembed.tasks.call import Call
from rapidembed.tasks.fingerprint import weights_hash
from rapidembed.tasks.text.options import TextOptions
from rapidembed.tasks.token_model import TokenModel, prompts_of, token_limit
from rapidembed.tasks.unit import unit_rows
from rapidembed.types import Vectors

if TYPE_CHECKING:
    from rapidembed.runtime.adapter import Adapter
    from rapidembed.tasks.info import ModelInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class TextModel(TokenModel[TextOptions]):
    """Everything that a call needs."""

    task = TEXT

    dimensions: int
    normalize: bool
    adapter: "Adapter | None" = None

    @classmethod
    def of(cls, lease: Lease, checkpoint: Checkpoint, options: TextOptions) -> "TextModel":
        """See :meth:`LeasedModel.of`."""
        spec = checkpoint.spec
        dimensions = options.dimensions or spec.dim
        if dimensions > spec.dim:
            raise ValueError(f"dimensions must be at most {spec.dim} for {spec.name}, got {dimensions}.")
        return cls(
            lease=lease,
            checkpoint=checkpoint,
            dimensions=dimensions,
            max_tokens=token_limit(options.max_tokens, spec, lease.engine),
            normalize=spec.normalize if options.normalize is None else options.normalize,
            truncate=options.truncate,
            prompts=prompts_of(spec, options.prompts),
            adapter=_adapter(options, checkpoint),
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
        return Call(prompt, self.max_tokens, self.truncate, extra, role)

    def one(self, call: Call, text: str) -> Vectors:
        """The vector of a lone text, float32 (dimensions,)."""
        window = self.single(text, self.steps(call), VectorSink(self.spec.dim), call.extra)
        vector: Vectors = self._finish(window, call.role)[0]
        return vector

    def rows(self, call: Call, texts: Iterable[str], bulk: Bulk) -> Iterator[Vectors]:
        """The vectors of many texts, window by window, float32 (some texts, dimensions)."""
        for window in self.windows(texts, self.steps(call), VectorSink(self.spec.dim), bulk, call.extra):
            yield self._finish(window, call.role)

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
            "prompts": self.prompts,
        }
        return facts | ({"adapter": self.adapter.digest} if self.adapter else {})

    @property
    def weights(self) -> str:
        """A hash of the weights, by which an adapter knows them."""
        return weights_hash(self.checkpoint)

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
        vectors = vectors[:, : self.dimensions]
        return unit_rows(vectors) if self.normalize else vectors


def _adapter(options: TextOptions, checkpoint: Checkpoint) -> "Adapter | None":
    """The adapter that the options name, else the one in a compiled folder.

    Raises:
        ValueError: it is for another model.
    """
    path = checkpoint.root / ADAPTER if options.adapter is None else Path(options.adapter).expanduser()
    if options.adapter is None and not path.is_file():
        return None
    from rapidembed.runtime.adapter import Adapter

    adapter = Adapter.load(path)
    adapter.check_fits(checkpoint.spec.name, checkpoint.spec.dim, weights_hash(checkpoint))
    return adapter
