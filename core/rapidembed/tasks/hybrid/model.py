"""A model as :class:`rapidembed.HybridTextEmbedding` uses it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rapidembed.hub import Checkpoint
from rapidembed.runtime.lease import Lease
from rapidembed.runtime.sinks import ListSink
from rapidembed.runtime.tokenizer import TokenIds
from rapidembed.tasks.call import Call
from rapidembed.tasks.list_model import ListModel
from rapidembed.tasks.options import TokenOptions
from rapidembed.tasks.results import HybridEmbedding
from rapidembed.tasks.sparse.weighing.tokens import TokenWeights
from rapidembed.tasks.token_model import graph_tokenizer, prompts_of, token_limit
from rapidembed.tasks.unit import unit_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class HybridModel(ListModel[TokenOptions, HybridEmbedding]):
    """Everything that a call needs."""

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

    def sink(self, call: Call) -> ListSink[TokenIds, HybridEmbedding]:
        """Takes all three kinds of vectors."""
        return ListSink(self._read)

    def _read(self, text: TokenIds, output: NDArray[np.float32]) -> HybridEmbedding:
        vectors = unit_rows(output[: len(text.ids), : self.spec.dim])
        return HybridEmbedding(vectors[0].copy(), self.weights.document(text, output), vectors[1:])
