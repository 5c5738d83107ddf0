"""A model as :class:`rapidembed.LateInteractionTextEmbedding` uses it."""

from collections.abc import Awaitable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rapidembed.errors import IntegrityError
from rapidembed.hub import Checkpoint
from rapidembed.registry import LATE_INTERACTION, LateInteraction, ModelSpec
from rapidembed.runtime.lease import Lease
from rapidembed.runtime.sinks import ListSink
from rapidembed.runtime.tokenizer import TokenIds, Tokenizer
from rapidembed.tasks.bulk import Bulk
from rapidembed.tasks.call import Call
from rapidembed.tasks.late_interaction.options import LateInteractionOptions
from rapidembed.tasks.late_interaction.steps import LateInteractionSteps
from rapidembed.tasks.lone import Lone
from rapidembed.tasks.steps import TextSteps
from rapidembed.tasks.token_model import TokenModel, graph_tokenizer, prompts_of, token_limit
from rapidembed.tasks.unit import unit_rows
from rapidembed.types import Vectors

# transformers' names, in the order in which sentence-transformers falls back to them.
_MASK_TOKENS = ("[MASK]", "<mask>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """How queries, or documents, become token vectors."""

    prompt: str
    marker: int | None
    max_tokens: int
    length: int | None
    """Length that shorter texts are filled up to."""
    skip: NDArray[np.int64]
    """Tokens that get no vector."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LateInteractionModel(TokenModel[LateInteractionOptions]):
    """Everything that a call needs."""

    task = LATE_INTERACTION

    query: Side
    document: Side
    filling: int
    """Token that queries are filled up with."""

    @classmethod
    def of(cls, lease: Lease, checkpoint: Checkpoint, options: LateInteractionOptions) -> "LateInteractionModel":
        """See :meth:`LeasedModel.of`."""
        spec, engine, tokenizer = checkpoint.spec, lease.engine, graph_tokenizer(lease.engine)
        late, prompts = spec.late or LateInteraction(), prompts_of(spec)
        limit = token_limit(options.max_tokens, spec, engine)
        wanted = options.max_query_tokens or (options.max_tokens is None and late.query_length) or limit
        query_limit = token_limit(wanted, spec, engine)
        length = late.expansion_length and min(late.expansion_length, query_limit)
        nothing = np.empty(0, dtype=np.int64)
        return cls(
            lease=lease,
            checkpoint=checkpoint,
            max_tokens=limit,
            truncate=options.truncate,
            prompts=prompts,
            query=_side(prompts["query"], late.query_marker, tokenizer, query_limit, length, nothing),
            document=_side(prompts["document"], late.document_marker, tokenizer, limit, None, _skip(late, tokenizer)),
            filling=_filling(late, tokenizer, spec) if length else 0,
        )

    def call(self, role: str) -> Call:
        """A new call in the role "query" or "document"; a "plain" text is a document."""
        side = self._side(role)
        return Call(side.prompt, side.max_tokens, self.truncate, role=role)

    def token_count(
        self, texts: Iterable[str], batch_size: int, is_doc: bool = True, include_extension: bool = False
    ) -> int:
        """See :meth:`rapidembed.LateInteractionTextEmbedding.token_count`."""
        call = self.call("document" if is_doc else "query")
        steps = self.steps(call)
        bare = TextSteps(replace(call, max_tokens=steps.room), self.tokenizer)
        return self.count(texts, steps if include_extension else bare, batch_size)

    def one(self, call: Call, text: str) -> Vectors:
        """The vectors of a lone text, float32 (tokens, dim)."""
        return self.run_lone(text, Lone(self.steps(call), self.sink(call).read))

    def aone(self, call: Call, text: str) -> Awaitable[Vectors] | None:
        """See :meth:`rapidembed.tasks.runner.RunnableModel.aone`."""
        return self.arun_lone(text, Lone(self.steps(call), self.sink(call).read))

    def rows(self, call: Call, texts: Iterable[str], bulk: Bulk) -> Iterator[list[Vectors]]:
        """The vectors of many texts, window by window."""
        return self.windows(texts, self.steps(call), self.sink(call), bulk)

    def steps(self, call: Call) -> LateInteractionSteps:
        """From the texts of a call to tokens."""
        side = self._side(call.role)
        return LateInteractionSteps(
            call=call,
            tokenizer=self.tokenizer,
            marker=side.marker,
            length=side.length,
            filling=self.filling,
            attended=not self.spec.hides_tokens,
        )

    def sink(self, call: Call) -> ListSink[TokenIds, Vectors]:
        """Takes the vectors of the tokens that count, scaled to length 1 where the model is meant so."""
        side = self._side(call.role)

        def read(text: TokenIds, output: NDArray[np.float32]) -> Vectors:
            vectors = output[: len(text.ids)]
            if self.spec.head == "hybrid":  # its first row is the text's, its last column has weights
                vectors = vectors[1:, : self.spec.dim]
            elif len(side.skip):
                vectors = vectors[~np.isin(text.ids, side.skip)]
            return unit_rows(vectors) if self.spec.normalize else vectors.copy()

        return ListSink(read)

    def facts(self) -> dict[str, Any]:
        """Everything beside the files that decides the vectors."""
        sides = {
            name: [side.prompt, side.marker, side.max_tokens, side.length, side.skip.tolist()]
            for name, side in (("query", self.query), ("document", self.document))
        }
        return TokenModel.facts(self) | sides | {"filling": [self.filling, self.spec.hides_tokens]}

    def _side(self, role: str) -> Side:
        return self.query if role == "query" else self.document


def _side(
    prompt: str,
    marker: str | int | None,
    tokenizer: Tokenizer,
    limit: int,
    length: int | None,
    skip: NDArray[np.int64],
) -> Side:
    number, text = _marker(marker, tokenizer)
    special = tokenizer.special_tokens + (number is not None)
    if limit <= special:
        raise ValueError(f"The token limit must leave room beside {special} special tokens, got {limit}.")
    return Side(prompt=text + prompt, marker=number, max_tokens=limit, length=length, skip=skip)


def _marker(marker: str | int | None, tokenizer: Tokenizer) -> tuple[int | None, str]:
    """The marker's id, and text to put before inputs in its stead or behind it."""
    if marker is None or isinstance(marker, int):
        return marker, ""
    # PyLate adds "[Q] " to the vocabulary with its space; the ColBERT authors wrote "[unused0]" and added the space.
    for token in (marker, marker.split(maxsplit=1)[0] if marker.strip() else ""):
        number = tokenizer.token_id(token)
        if number is not None:
            return number, marker[len(token) :].lstrip()
    return None, marker


def _skip(late: LateInteraction, tokenizer: Tokenizer) -> NDArray[np.int64]:
    # As in sentence-transformers, words that the tokenizer does not know as one token skip nothing.
    numbers = (tokenizer.token_id(word) for word in late.skip)
    return np.array([number for number in numbers if number is not None], dtype=np.int64)


def _filling(late: LateInteraction, tokenizer: Tokenizer, spec: ModelSpec) -> int:
    for token in (late.expansion_token,) if late.expansion_token else _MASK_TOKENS:
        number = tokenizer.token_id(token)
        if number is not None:
            return number
    raise IntegrityError(f"{spec.name}: queries are filled up with mask tokens, but the tokenizer has none.")
