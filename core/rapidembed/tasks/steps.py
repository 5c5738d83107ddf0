"""From the inputs of a call to token ids: the steps that the pipeline takes before the model."""

from dataclasses import dataclass, field

from rapidembed.runtime.inputs import check_pair
from rapidembed.runtime.pairs import PairTemplate, longest_first
from rapidembed.runtime.tokenizer import TokenIds, Tokenizer
from rapidembed.tasks.call import Call

_QUERIES_KEPT = 1024

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class TextSteps:
    """Each input is a text."""

    call: Call
    tokenizer: Tokenizer

    def prepare(self, item: str, index: int | None) -> str:
        """See :meth:`rapidembed.tasks.call.Call.prepare`."""
        return self.call.prepare(item, index)

    def tokenize(self, items: list[str]) -> list[TokenIds]:
        """Tokens of the texts, cut at the call's limit."""
        return self.tokenizer.encode(items, self.call.max_tokens)

    def inspect(self, tokens: TokenIds, index: int) -> None:
        """See :meth:`rapidembed.tasks.call.Call.inspect`."""
        self.call.inspect(tokens, index)


@dataclass(frozen=True, slots=True)
class PairSteps:
    """Each input is a pair of texts, which the model reads as one sequence.

    A query is tokenized once for all pairs that begin with it.
    """

    call: Call
    tokenizer: Tokenizer
    template: PairTemplate
    queries: dict[str, TokenIds] = field(default_factory=dict)

    def prepare(self, item: Pair, index: int) -> Pair:
        """The pair as the tokenizer gets it.

        Raises:
            TypeError: it is not two texts; names the index.
        """
        query, document = check_pair(item, index)
        return self.call.repair(query), self.call.repair(document)

    def tokenize(self, items: list[Pair]) -> list[TokenIds]:
        """Tokens of the pairs; of a pair over the limit the longer text is cut first."""
        room = self.call.max_tokens - self.template.special_tokens
        documents = self.tokenizer.content([document for _, document in items], room)
        queries = (self._query(query, room) for query, _ in items)
        return [self._join(query, document, room) for query, document in zip(queries, documents, strict=True)]

    def inspect(self, tokens: TokenIds, index: int) -> None:
        """See :meth:`rapidembed.tasks.call.Call.inspect`."""
        self.call.inspect(tokens, index)

    def _query(self, text: str, room: int) -> TokenIds:
        query = self.queries.get(text)
        if query is None:
            if len(self.queries) >= _QUERIES_KEPT:
                self.queries.clear()
            query = self.queries[text] = self.tokenizer.content([text], room)[0]
        return query

    def _join(self, query: TokenIds, document: TokenIds, room: int) -> TokenIds:
        first, second = longest_first(len(query.ids), len(document.ids), room)
        truncated = query.truncated or document.truncated or first < len(query.ids) or second < len(document.ids)
        return self.template.join(self._cut(query.ids, first), self._cut(document.ids, second), truncated=truncated)

    def _cut(self, ids: list[int], count: int) -> list[int]:
        return ids[len(ids) - count :] if self.tokenizer.keeps_end else ids[:count]
