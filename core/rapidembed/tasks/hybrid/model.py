"""A model as :class:`rapidembed.HybridTextEmbedding` uses it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rapidembed.hub import Checkpoint
from rapidembed.registry import HYBRID
from rapidembed.runtime.device import Placement
from rapidembed.runtime.lease import Lease
from rapidembed.runtime.sinks import ListSink
from rapidembed.runtime.tokenizer import TokenIds
from rapidembed.tasks.bulk import Bulk
from rapidembed.tasks.call import Call
from rapidembed.tasks.leased import LeasedModel, graph_tokenizer, lease_model, token_limit
from rapidembed.tasks.options import ModelOptions
from rapidembed.tasks.results import HybridEmbedding
from rapidembed.tasks.sparse.weighing.tokens import TokenWeights
from rapidembed.tasks.steps import TextSteps
from rapidembed.tasks.unit import unit_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class HybridModel(LeasedModel):
    """Everything that a call needs."""

    weights: TokenWeights

    @classmethod
    def load(cls, owner: object, options: ModelOptions, placement: Placement) -> "HybridModel":
        """Find the model, lease its engine for ``owner``, and check the options against it."""

        def make(lease: Lease, checkpoint: Checkpoint) -> "HybridModel":
            return cls(
                lease=lease,
                checkpoint=checkpoint,
                max_tokens=token_limit(options.max_tokens, checkpoint.spec, lease.engine),
                truncate=options.truncate,
                weights=TokenWeights(checkpoint, graph_tokenizer(lease.engine)),
            )

        return lease_model(owner, options, placement, HYBRID, make)

    def call(self, role: str) -> Call:
        """A new call in the role "plain", "query" or "document"."""
        spec = self.spec
        prompts = {"plain": spec.plain_prompt, "query": spec.query_prompt, "document": spec.document_prompt}
        return Call(prompts[role], self.max_tokens, self.truncate)

    def steps(self, call: Call) -> TextSteps:
        """From the texts of a call to tokens."""
        return TextSteps(call, self.tokenizer)

    def one(self, call: Call, text: str) -> HybridEmbedding:
        """The vectors of a lone text."""
        return self.single(text, self.steps(call), ListSink(self._read))[0]

    def rows(self, call: Call, texts: Iterable[str], bulk: Bulk) -> Iterator[list[HybridEmbedding]]:
        """The vectors of many texts, window by window."""
        return self.windows(texts, self.steps(call), ListSink(self._read), bulk)

    def _read(self, text: TokenIds, output: NDArray[np.float32]) -> HybridEmbedding:
        vectors = unit_rows(output[: len(text.ids), : self.spec.dim])
        return HybridEmbedding(vectors[0].copy(), self.weights.document(text, output), vectors[1:])
