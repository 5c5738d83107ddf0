"""Neural sparse models behind the facade for sparse text."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rapidembed.errors import ClosedError
from rapidembed.hub import Checkpoint
from rapidembed.registry import SPARSE
from rapidembed.runtime.device import Placement
from rapidembed.runtime.lease import Lease
from rapidembed.runtime.sinks import ListSink
from rapidembed.runtime.tokenizer import TokenIds, Tokenizer
from rapidembed.tasks.bulk import Bulk
from rapidembed.tasks.call import Call
from rapidembed.tasks.leased import LeasedModel, graph_tokenizer, lease_model, token_limit
from rapidembed.tasks.sparse_options import SparseOptions
from rapidembed.tasks.steps import TextSteps
from rapidembed.tasks.weighing import Weigher
from rapidembed.tasks.weighing.attention import AttentionWeights
from rapidembed.tasks.weighing.senses import WordSenses
from rapidembed.tasks.weighing.tokens import TokenWeights
from rapidembed.tasks.weighing.vocabulary import VocabularyWeights
from rapidembed.types import SparseEmbedding

if TYPE_CHECKING:
    from rapidembed.tasks.info import ModelInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class SparseModel(LeasedModel):
    """Everything that a call needs; see :class:`rapidembed.tasks.sparse.SparseBackend`."""

    prompts: dict[str, str]
    """Text put before inputs, by role: "plain", "query", "document"."""
    weigher: Weigher

    @classmethod
    def load(cls, owner: object, options: SparseOptions, placement: Placement) -> "SparseModel":
        """Find the model, lease its engine for ``owner``, and check the options against it."""

        def make(lease: Lease, checkpoint: Checkpoint) -> "SparseModel":
            spec, tokenizer = checkpoint.spec, graph_tokenizer(lease.engine)
            prompts = {"plain": spec.plain_prompt, "query": spec.query_prompt, "document": spec.document_prompt}
            return cls(
                lease=lease,
                checkpoint=checkpoint,
                max_tokens=token_limit(options.max_tokens, spec, lease.engine),
                truncate=options.truncate,
                prompts=prompts | dict(options.prompts or {}),
                weigher=_weigher(checkpoint, tokenizer, options),
            )

        return lease_model(owner, options, placement, SPARSE, make)

    @property
    def requires_idf(self) -> bool:
        """Whether an index has to multiply the weights by the terms' idf."""
        return self.weigher.requires_idf

    @property
    def vocab_size(self) -> int:
        """See :attr:`rapidembed.SparseTextEmbedding.vocab_size`."""
        return self.weigher.vocab_size

    def call(self, role: str) -> Call:
        """A new call in the role "plain", "query" or "document"."""
        return Call(self.prompts[role], self.max_tokens, self.truncate, role=role)

    def one(self, call: Call, text: str) -> SparseEmbedding:
        """The vector of a lone text."""
        if self._looks_up(call):
            return self._look_up(call, text, None)
        return self.single(text, TextSteps(call, self.tokenizer), self.sink(call))[0]

    def rows(self, call: Call, texts: Iterable[str], bulk: Bulk) -> Iterator[list[SparseEmbedding]]:
        """The vectors of many texts, window by window, in order."""
        if self._looks_up(call):
            return self._looked_up(call, texts, bulk)
        return self.windows(texts, TextSteps(call, self.tokenizer), self.sink(call), bulk)

    def sink(self, call: Call) -> ListSink[TokenIds, SparseEmbedding]:
        """Takes the words that have weight."""
        return ListSink(self.weigher.query if call.role == "query" else self.weigher.document)

    def token_count(self, texts: Iterable[str], batch_size: int) -> int:
        """Tokens of all texts: special tokens included, after truncation."""
        steps = TextSteps(self.call("plain"), self.tokenizer)
        return sum(
            len(tokens.ids) for chunk in self.chunks(texts, steps, batch_size) for tokens in steps.tokenize(chunk)
        )

    def info(self) -> "ModelInfo":
        """What is loaded, and from where."""
        prompts = self.prompts
        return replace(LeasedModel.info(self), query_prompt=prompts["query"], document_prompt=prompts["document"])

    def facts(self) -> dict[str, Any]:
        """Everything beside the files that decides the weights."""
        return LeasedModel.facts(self) | self.weigher.facts() | {"prompts": self.prompts}

    def _looks_up(self, call: Call) -> bool:
        return call.role == "query" and self.weigher.looks_up

    def _look_up(self, call: Call, text: str, index: int | None) -> SparseEmbedding:
        """A query's vector where the network is not needed."""
        # In fastembed special tokens count against BM42's limit, in sentence-transformers not against that of tables.
        encode = self.tokenizer.encode if self.spec.head == "attention" else self.tokenizer.content
        tokens = encode([call.prepare(text, index)], self.max_tokens)[0]
        call.inspect(tokens, index or 0)
        return self.weigher.look_up(tokens)

    def _looked_up(self, call: Call, texts: Iterable[str], bulk: Bulk) -> Iterator[list[SparseEmbedding]]:
        for index, text in enumerate(texts):
            if bulk.cancelled is not None and bulk.cancelled.is_set():
                return
            if self.lease.released:
                raise ClosedError(f"{self.spec.name} was closed while texts were being embedded.")
            yield [self._look_up(call, text, index)]


def _weigher(checkpoint: Checkpoint, tokenizer: Tokenizer, options: SparseOptions) -> Weigher:
    """What makes vectors of the model's output."""
    if checkpoint.spec.head == "attention":
        return AttentionWeights(checkpoint, tokenizer, options.alpha)
    if checkpoint.spec.head == "words":
        lexical = options.lexical
        return WordSenses(checkpoint, tokenizer, lexical.k, lexical.b, lexical.avg_len)
    if checkpoint.spec.head == "hybrid":
        return TokenWeights(checkpoint, tokenizer)
    return VocabularyWeights(checkpoint, tokenizer)
