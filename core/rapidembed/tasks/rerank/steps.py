"""From pairs of texts to token ids; see :mod:`rapidembed.tasks.steps`."""

import sys
from dataclasses import dataclass, field

from rapidembed.runtime.inputs import check_pair
from rapidembed.runtime.pairs import PairTemplate, longest_first
from rapidembed.runtime.tokenizer import TokenIds, Tokenizer
from rapidembed.tasks.steps import CallSteps

_QUERIES_KEPT = 1024

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class PairSteps(CallSteps):
    """Each input is a pair of texts, which the model reads as one sequence.

    A query is tokenized once for all pairs that begin with it.
    """

    tokenizer: Tokenizer
    template: PairTemplate
    queries: dict[str, TokenIds] = field(default_factory=dict)

    def prepare(self, item: Pair, index: int | None) -> Pair:
        """The pair as the tokenizer gets it.

        Raises:
            TypeError: it is not two texts; names the index.
        """
        query, document = check_pair(item, index or 0)
        return self.call.repair(query), self.call.repair(document)

    def ready(self, items: list[Pair]) -> list[TokenIds]:
        """Tokens of the pairs; of a pair over the limit the longer text is cut first."""
        room = self.call.max_tokens - self.template.special_tokens
        # One more than fits: it tells which of two texts is the longer one.
        documents = self.tokenizer.content([document for _, document in items], room + 1)
        return [
            self._join(item, self._query(item[0], room), document, room)
            for item, document in zip(items, documents, strict=True)
        ]

    def _query(self, text: str, room: int) -> TokenIds:
        query = self.queries.get(text)
        if query is None:
            if len(self.queries) >= _QUERIES_KEPT:
                self.queries.clear()
            query = self.queries[text] = self.tokenizer.content([text], room + 1)[0]
        return query

    def _join(self, item: Pair, query: TokenIds, document: TokenIds, room: int) -> TokenIds:
        lengths = len(query.ids), len(document.ids)
        if lengths[0] == lengths[1] and (query.truncated or document.truncated) and room % 2:
            # The odd token goes to the longer text, so how long they really are matters.
            lengths = self._full_length(item[0]), self._full_length(item[1])
        first, second = longest_first(*lengths, room)
        truncated = query.truncated or document.truncated or first < len(query.ids) or second < len(document.ids)
        return self.template.join(self._cut(query.ids, first), self._cut(document.ids, second), truncated=truncated)

    def _full_length(self, text: str) -> int:
        return len(self.tokenizer.content([text], sys.maxsize)[0].ids)

    def _cut(self, ids: list[int], count: int) -> list[int]:
        return ids[len(ids) - count :] if self.tokenizer.keeps_end else ids[:count]
