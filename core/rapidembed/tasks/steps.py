"""From the inputs of a call to what the model is given: the steps that the pipeline takes before it."""

from dataclasses import dataclass
from typing import Generic

from rapidembed.runtime.engine import TextTokenizer
from rapidembed.runtime.ready import X
from rapidembed.runtime.tokenizer import TokenIds
from rapidembed.tasks.call import Call


@dataclass(frozen=True, slots=True)
class CallSteps:
    """Steps of a call that looks at tokens."""

    call: Call

    def inspect(self, tokens: TokenIds, index: int) -> None:
        """See :meth:`rapidembed.tasks.call.Call.inspect`."""
        self.call.inspect(tokens, index)


@dataclass(frozen=True, slots=True)
class PromptedSteps(CallSteps):
    """Each input is a text, before which the call puts its prompt."""

    def prepare(self, item: str, index: int | None) -> str:
        """See :meth:`rapidembed.tasks.call.Call.prepare`."""
        return self.call.prepare(item, index)


@dataclass(frozen=True, slots=True)
class TextSteps(PromptedSteps):
    """The text becomes its tokens."""

    tokenizer: TextTokenizer

    def ready(self, items: list[str]) -> list[TokenIds]:
        """Tokens of the texts, cut at the call's limit."""
        return self.tokenizer.encode(items, self.call.max_tokens)


class ReadySteps(Generic[X]):
    """Each input is ready as it is."""

    def prepare(self, item: X, index: int | None) -> X:
        """The input."""
        return item

    def ready(self, items: list[X]) -> list[X]:
        """The inputs."""
        return items

    def inspect(self, item: X, index: int) -> None:
        """Nothing is told."""
