"""From texts to tokens: spaces at the ends do not count."""

from dataclasses import dataclass

from rapidembed.runtime.tokenizer import TokenIds
from rapidembed.tasks.steps import TextSteps


@dataclass(frozen=True, slots=True)
class StrippedSteps(TextSteps):
    """Each input is a text without the spaces around it."""

    def ready(self, items: list[str]) -> list[TokenIds]:
        return TextSteps.ready(self, [text.strip() for text in items])
