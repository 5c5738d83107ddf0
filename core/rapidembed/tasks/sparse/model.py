"""Neural sparse models behind the facade for sparse text."""

from collections.abc import Awaitable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from rapidembed.hub import Checkpoint
from rapidembed.runtime.lease import Lease
from rapidembed.runtime.sinks import ListSink
from rapidembed.runtime.tokenizer import TokenIds, Tokenizer
from rapidembed.tasks.bulk import Bulk
from rapidembed.tasks.call import Call
from rapidembed.tasks.list_model import ListModel
from rapidembed.tasks.sparse.options import SparseOptions
from rapidembed.tasks.sparse.weighing import Weigher
from rapidembed.tasks.sparse.weighing.attention import AttentionWeights
from rapidembed.tasks.sparse.weighing.senses import WordSenses
from rapidembed.tasks.sparse.weighing.tokens import TokenWeights
from rapidembed.tasks.sparse.weighing.vocabulary import VocabularyWeights
from rapidembed.tasks.token_model import TokenModel, graph_tokenizer, prompts_of, token_limit
from rapidembed.types import SparseEmbedding


@dataclass(frozen=True, slots=True, kw_only=True)
class NeuralSparseModel(ListModel[SparseOptions, SparseEmbedding]):
    """Everything that a call needs."""

    weigher: Weigher

    @classmethod
    def of(cls, lease: Lease, checkpoint: Checkpoint, options: SparseOptions) -> "NeuralSparseModel":
        """See :meth:`LeasedModel.of`."""
        return cls(
            lease=lease,
            checkpoint=checkpoint,
            weigher=_weigher(checkpoint, graph_tokenizer(lease.engine), options),
            max_tokens=token_limit(options.max_tokens, checkpoint.spec, lease.engine),
            truncate=options.truncate,
            prompts=prompts_of(checkpoint.spec, options.prompts),
        )

    @property
    def requires_idf(self) -> bool:
        """Whether an index has to multiply the weights by the terms' idf."""
        return self.weigher.requires_idf

    @property
    def vocab_size(self) -> int:
        """See :attr:`rapidembed.SparseTextEmbedding.vocab_size`."""
        return self.weigher.vocab_size

    def one(self, call: Call, text: str) -> SparseEmbedding:
        """The vector of a lone text."""
        if self._looks_up(call):
            return self._look_up(call, text, None)
        return ListModel.one(self, call, text)

    def aone(self, call: Call, text: str) -> Awaitable[SparseEmbedding] | None:
        """See :meth:`rapidembed.tasks.runner.RunnableModel.aone`."""
        return None if self._looks_up(call) else ListModel.aone(self, call, text)

    def rows(self, call: Call, texts: Iterable[str], bulk: Bulk) -> Iterator[list[SparseEmbedding]]:
        """The vectors of many texts, window by window, in order."""
        if self._looks_up(call):
            return self._looked_up(call, texts, bulk)
        return ListModel.rows(self, call, texts, bulk)

    def sink(self, call: Call) -> ListSink[TokenIds, SparseEmbedding]:
        """Takes the words that have weight."""
        return ListSink(self.weigher.query if call.role == "query" else self.weigher.document)

    def facts(self) -> dict[str, Any]:
        """Everything beside the files that decides the weights."""
        return TokenModel.facts(self) | self.weigher.facts() | {"prompts": self.prompts}

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
            self.check_open()
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
