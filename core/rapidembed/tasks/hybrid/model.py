"""A model as :class:`rapidembed.HybridTextEmbedding` uses it."""

from collections.abc import Awaitable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rapidembed.hub import Checkpoint
from rapidembed.registry import HYBRID
from rapidembed.runtime.lease import Lease
from rapidembed.runtime.sinks import ListSink
from rapidembed.runtime.tokenizer import TokenIds
from rapidembed.tasks.bulk import Bulk
from rapidembed.tasks.call import Call
from rapidembed.tasks.lone import Lone
from rapidembed.tasks.options import TokenOptions
from rapidembed.tasks.results import HybridEmbedding
from rapidembed.tasks.sparse.weighing.tokens import TokenWeights
from rapidembed.tasks.token_model import TokenModel, graph_tokenizer, prompts_of, token_limit
from rapidembed.tasks.unit import unit_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class HybridModel(TokenModel[TokenOptions]):
    """Everything that a call needs."""

    task = HYBRID

    weights: TokenWeights

    @classmethod
    def of(cls, lease: Lease, checkpoint: Checkpoint, options: TokenOptions) -> "HybridModel":
        """See :meth:`LeasedModel.of`."""
        return cls(
            lease=lease,
            checkpoint=checkpoint,
            weights=TokenWeights(checkpoint, graph_tokenizer(lease.engine)),
            max_tokens=token_limit(options.max_tokens, checkpoint.spec, lease.engine),
            truncate=options.truncate,
            prompts=prompts_of(checkpoint.spec),
        )

    def one(self, call: Call, text: str) -> HybridEmbedding:
        """The vectors of a lone text."""
        return self.run_lone(text, Lone(self.steps(call), self._read))

    def aone(self, call: Call, text: str) -> Awaitable[HybridEmbedding] | None:
        """See :meth:`rapidembed.tasks.runner.RunnableModel.aone`."""
        return self.arun_lone(text, Lone(self.steps(call), self._read))

    def rows(self, call: Call, texts: Iterable[str], bulk: Bulk) -> Iterator[list[HybridEmbedding]]:
        """The vectors of many texts, window by window."""
        return self.windows(texts, self.steps(call), ListSink(self._read), bulk)

    def _read(self, text: TokenIds, output: NDArray[np.float32]) -> HybridEmbedding:
        vectors = unit_rows(output[: len(text.ids), : self.spec.dim])
        return HybridEmbedding(vectors[0].copy(), self.weights.document(text, output), vectors[1:])
