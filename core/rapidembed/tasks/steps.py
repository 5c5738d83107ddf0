"""From the texts of a call to token ids: the steps that the pipeline takes before the model."""

from dataclasses import dataclass

from rapidembed.runtime.engine import TextTokenizer
from rapidembed.runtime.tokenizer import TokenIds
from rapidembed.tasks.call import Call


@dataclass(frozen=True, slots=True)
class TextSteps:
    """Each input is a text."""

    call: Call
    tokenizer: TextTokenizer

    def prepare(self, item: str, index: int | None) -> str:
        """See :meth:`rapidembed.tasks.call.Call.prepare`."""
        return self.call.prepare(item, index)

    def tokenize(self, items: list[str]) -> list[TokenIds]:
        """Tokens of the texts, cut at the call's limit."""
        return self.tokenizer.encode(items, self.call.max_tokens)

    def inspect(self, tokens: TokenIds, index: int) -> None:
        """See :meth:`rapidembed.tasks.call.Call.inspect`."""
        self.call.inspect(tokens, index)
