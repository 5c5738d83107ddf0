"""Pairs of texts as one sequence, for cross-encoders, put together from token ids of each text alone.

So a query that is compared with a thousand documents is tokenized once.
"""

from dataclasses import dataclass
from itertools import groupby

from rapidembed.errors import UnsupportedModelError
from rapidembed.runtime.tokenizer import TokenIds, Tokenizer


@dataclass(frozen=True, slots=True)
class PairTemplate:
    """The special tokens around and between two texts, and the type of each part."""

    before: list[int]
    between: list[int]
    after: list[int]
    types: tuple[list[int], int, list[int], int, list[int]]
    """Of the parts in their order: special tokens each their own, a text all of its tokens one."""

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> "PairTemplate":
        """Read off what the tokenizer's post-processor makes of a pair.

        Raises:
            UnsupportedModelError: it does more than to put special tokens around and between the texts.
        """
        pair = tokenizer.encode_pair("a", "b")
        # None for special tokens, 0 and 1 for the texts.
        whose = pair.sequence_ids
        if [part for part, _ in groupby(whose) if part is not None] != [0, 1]:
            raise UnsupportedModelError(
                f"The tokenizer's treatment of pairs is not supported: two texts give {pair.tokens}."
            )
        start, end = whose.index(0), len(whose) - whose[::-1].index(0)
        restart, stop = whose.index(1), len(whose) - whose[::-1].index(1)
        ids, types = pair.ids, pair.type_ids
        parts = (types[:start], types[start], types[end:restart], types[restart], types[stop:])
        return cls(ids[:start], ids[end:restart], ids[stop:], parts)

    @property
    def special_tokens(self) -> int:
        """Tokens that are added to every pair."""
        return len(self.before) + len(self.between) + len(self.after)

    def join(self, first: list[int], second: list[int], *, truncated: bool) -> TokenIds:
        """The sequence of a pair whose texts have these tokens."""
        before, one, between, two, after = self.types
        ids = [*self.before, *first, *self.between, *second, *self.after]
        types = [*before, *[one] * len(first), *between, *[two] * len(second), *after]
        return TokenIds(ids, truncated, types)


def longest_first(first: int, second: int, limit: int) -> tuple[int, int]:
    """How many tokens of each text stay so that both fit into ``limit``, as transformers' ``longest_first`` has it.

    The longer text is cut; where that is not enough both get half, and the longer one the odd token.
    """
    if first + second <= limit:
        return first, second
    short = min(first, second)
    if 2 * short > limit:
        short = limit // 2
    return (short, limit - short) if first <= second else (limit - short, short)
