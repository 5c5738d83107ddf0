"""Token vectors with fastembed's values."""

import string
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

import rapidembed
from rapidembed.compat.tokenizer import open_tokenizer
from rapidembed.compat.values import VIEW
from rapidembed.hub import Checkpoint
from rapidembed.registry import LATE_INTERACTION
from rapidembed.runtime.lease import Lease
from rapidembed.runtime.sinks import ListSink
from rapidembed.runtime.tokenizer import TokenIds, Tokenizer
from rapidembed.tasks.call import Call
from rapidembed.tasks.late_interaction.model import LateInteractionModel
from rapidembed.tasks.late_interaction.options import LateInteractionOptions
from rapidembed.tasks.token_model import graph_tokenizer
from rapidembed.types import Vectors

_MARK_TOKENS = 16
"""More than a punctuation mark becomes."""


class FastembedLateInteraction(LateInteractionModel):
    """A model that skips what fastembed skips."""

    @classmethod
    def of(cls, lease: Lease, checkpoint: Checkpoint, options: LateInteractionOptions) -> "FastembedLateInteraction":
        """See :meth:`LeasedModel.of`."""
        base = LateInteractionModel.of.__func__(cls, lease, checkpoint, options)  # type: ignore[attr-defined]
        model: FastembedLateInteraction = base
        late = checkpoint.spec.late
        if late is None:
            return model
        # Queries are filled up even beyond the token limit.
        model = replace(model, query=replace(model.query, length=late.expansion_length))
        if not late.skip:
            return model
        skip = _skipped(graph_tokenizer(lease.engine), checkpoint, padding=late.expansion_length is not None)
        return replace(model, document=replace(model.document, skip=skip))

    def sink(self, call: Call) -> ListSink[TokenIds, Vectors]:
        """Takes the tokens' vectors; those of queries that are filled up stay as the graph has them."""
        if call.role == "query" and self.query.length is not None:
            return ListSink(_as_it_is)
        return LateInteractionModel.sink(self, call)


class InnerLateInteraction(rapidembed.LateInteractionTextEmbedding):
    """The facade."""

    _task = replace(LATE_INTERACTION, rows=("late_interaction",), others={})
    _view = VIEW
    _kind = FastembedLateInteraction


class InnerTokens(InnerLateInteraction):
    """The facade of models whose tokens' vectors are all wanted, as they come."""

    _task = replace(LATE_INTERACTION, rows=("token_vectors",), others={})


def _as_it_is(text: TokenIds, output: NDArray[np.float32]) -> Vectors:
    return output[: len(text.ids)].copy()


def _skipped(tokenizer: Tokenizer, checkpoint: Checkpoint, *, padding: bool) -> NDArray[np.int64]:
    """Tokens of documents without vectors: what each punctuation mark begins with, and the padding token."""
    numbers = {mark.ids[0] for mark in tokenizer.content(string.punctuation, _MARK_TOKENS) if mark.ids}
    if padding:
        numbers.add((open_tokenizer(checkpoint.folder).padding or {})["pad_id"])
    return np.array(sorted(numbers), dtype=np.int64)
