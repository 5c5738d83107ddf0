"""From the texts of a late-interaction model to token ids; see :mod:`rapidembed.tasks.steps`."""

from dataclasses import dataclass

from rapidembed.runtime.tokenizer import TokenIds, Tokenizer
from rapidembed.tasks.steps import PromptedSteps


@dataclass(frozen=True, slots=True, kw_only=True)
class LateInteractionSteps(PromptedSteps):
    """Each input is a text that gets a marker, and is perhaps filled up to a length."""

    tokenizer: Tokenizer
    marker: int | None
    """Token behind the first one."""
    length: int | None = None
    """Shorter texts are filled up to this many tokens; None: they are not."""
    filling: int = 0
    """Token to fill up with."""
    attended: bool = False
    """Whether other tokens see the filling."""

    def ready(self, items: list[str]) -> list[TokenIds]:
        """Tokens of the texts, with marker and filling."""
        return [self._extend(text) for text in self.tokenizer.encode(items, self.room)]

    @property
    def room(self) -> int:
        """Tokens that the text itself may have."""
        return self.call.max_tokens - (self.marker is not None)

    def _extend(self, text: TokenIds) -> TokenIds:
        ids = text.ids if self.marker is None else [*text.ids[:1], self.marker, *text.ids[1:]]
        missing = (self.length or 0) - len(ids)
        if missing <= 0:
            return TokenIds(ids, text.truncated)
        attended = None if self.attended else len(ids)
        return TokenIds([*ids, *[self.filling] * missing], text.truncated, attended=attended)
