"""A model as :class:`rapidembed.TextEmbedding` uses it: what the facade's options make of its vectors."""

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rapidembed.registry import TEXT
from rapidembed.runtime.device import Placement
from rapidembed.runtime.sinks import VectorSink
from rapidembed.tasks.call import Call
from rapidembed.tasks.info import ModelInfo
from rapidembed.tasks.leased import LeasedModel, leased, token_limit
from rapidembed.tasks.options import TextOptions
from rapidembed.tasks.steps import TextSteps
from rapidembed.types import Vectors

_SMALLEST_NORM = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedModel(LeasedModel):
    """Everything that a call needs."""

    dimensions: int
    normalize: bool
    prompts: dict[str, str]
    """Text put before inputs, by role: "plain", "query", "document"."""

    @classmethod
    def load(cls, owner: object, options: TextOptions, placement: Placement) -> "LoadedModel":
        """Find the model, lease its engine for ``owner``, and check the options against it."""
        with leased(owner, options, placement, TEXT) as (lease, checkpoint):
            spec = checkpoint.spec
            dimensions = options.dimensions or spec.dim
            if dimensions > spec.dim:
                raise ValueError(f"dimensions must be at most {spec.dim} for {spec.name}, got {dimensions}.")
            prompts = {"plain": spec.plain_prompt, "query": spec.query_prompt, "document": spec.document_prompt}
            return cls(
                lease=lease,
                checkpoint=checkpoint,
                placement=placement,
                dimensions=dimensions,
                max_tokens=token_limit(options.max_tokens, spec, lease.engine),
                normalize=spec.normalize if options.normalize is None else options.normalize,
                truncate=options.truncate,
                prompts=prompts | dict(options.prompts or {}),
            )

    def call(self, role: str) -> Call:
        """A new call in the role "plain", "query" or "document"."""
        tasks = self.spec.tasks
        task = tasks["retrieval.query" if role == "query" else "retrieval.passage"] if tasks else None
        return Call(self.prompts[role], self.max_tokens, self.truncate, task)

    def one(self, call: Call, text: str) -> Vectors:
        """The vector of a lone text, float32 (dimensions,)."""
        steps = TextSteps(call, self.engine.tokenizer)
        vector: Vectors = self._finish(self.single(text, steps, VectorSink(self.spec.dim), call.task))[0]
        return vector

    def rows(
        self,
        call: Call,
        texts: Iterable[str],
        batch_size: int,
        workers: int | None,
        cancelled: threading.Event | None = None,
    ) -> Iterator[Vectors]:
        """The vectors of many texts, window by window, float32 (some texts, dimensions)."""
        steps = TextSteps(call, self.engine.tokenizer)
        for window in self.windows(texts, steps, VectorSink(self.spec.dim), batch_size, workers, cancelled, call.task):
            yield self._finish(window)

    def info(self) -> ModelInfo:
        """What is loaded, and from where."""
        return replace(
            LeasedModel.info(self),
            dimensions=self.dimensions,
            normalize=self.normalize,
            query_prompt=self.prompts["query"],
            document_prompt=self.prompts["document"],
        )

    def facts(self) -> dict[str, Any]:
        """Everything beside the files that decides the vectors."""
        return LeasedModel.facts(self) | {
            "pooling": self.spec.pooling,
            "normalize": self.normalize,
            "dimensions": self.dimensions,
            "prompts": self.prompts,
        }

    def _finish(self, vectors: Vectors) -> Vectors:
        """Cut and normalize, per facade: the engine below is shared."""
        vectors = vectors[:, : self.dimensions]
        if not self.normalize:
            return vectors
        norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
        return np.asarray(vectors / np.maximum(norms, _SMALLEST_NORM)[:, None])
