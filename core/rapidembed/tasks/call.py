"""One call of an embedding method: what it does to each text, and what it has to tell at the end."""

import threading
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from rapidembed.errors import EncodingWarning, InputWarning, TruncationWarning
from rapidembed.runtime.inputs import check_text, repair

if TYPE_CHECKING:
    from rapidembed.runtime.tokenizer import TokenIds  # lexical models do without the tokenizers package

R = TypeVar("R")

_MOST_INDICES = 1024  # a stream may have no end


@dataclass(slots=True)
class Call:
    """Prepares texts, looks at their tokens, counts what was changed."""

    prompt: str
    max_tokens: int
    truncate: bool
    extra: Mapping[str, int] = field(default_factory=dict)
    """What the graph is fed beside the tokens."""
    role: str = "plain"
    texts: int = 0
    repaired: int = 0
    truncated: int = 0
    first_truncated: list[int] = field(default_factory=list)
    unsplit: int = 0
    """Texts of a script without spaces, in which BM25 found no words."""
    noun: str = "texts"
    """What the inputs are called in messages."""

    def prepare(self, text: str, index: int | None) -> str:
        """The text as the tokenizer gets it.

        Raises:
            TypeError: it is not a str; names the index.
        """
        return self.prompt + self.repair(check_text(text, index))

    def repair(self, text: str) -> str:
        """The text without lone surrogates, which are counted."""
        clean, repaired = repair(text)
        self.repaired += repaired
        return clean

    def inspect(self, tokens: "TokenIds", index: int) -> None:
        """Count a text, and whether it was truncated.

        Raises:
            ValueError: it was, and ``truncate`` is False; names the index.
        """
        if tokens.truncated and not self.truncate:
            raise ValueError(
                f"{self.noun}[{index}] has more than {self.max_tokens} tokens, and truncate=False. "
                "Split it, raise max_tokens, or allow truncation."
            )
        self.texts += 1
        self.truncated += tokens.truncated
        if tokens.truncated and len(self.first_truncated) < _MOST_INDICES:
            self.first_truncated.append(index)

    def warn(self, stacklevel: int) -> None:
        """Say once what was changed.

        Args:
            stacklevel: of the user's line, seen from the caller of this method; as in :func:`warnings.warn`.
        """
        if self.truncated:
            message = (
                f"{self.truncated} of {self.texts} {self.noun} had more than {self.max_tokens} tokens and were cut. "
                "Split them, or raise max_tokens; truncate=False makes this an error."
            )
            warnings.warn(TruncationWarning(message, tuple(self.first_truncated)), stacklevel=stacklevel + 1)
        if self.unsplit:
            warnings.warn(
                f"{self.unsplit} of {self.texts} {self.noun} are of a script without spaces, and BM25 found no words "
                "in them, so they match nothing. tokenizer='unicode', or the right language=, finds some.",
                InputWarning,
                stacklevel=stacklevel + 1,
            )
        if self.repaired:
            warnings.warn(
                f"{self.repaired} of {self.texts} {self.noun} held lone surrogates, which are not Unicode text; each "
                "became U+FFFD. Decoding with errors='replace' instead of 'surrogateescape' avoids them.",
                EncodingWarning,
                stacklevel=stacklevel + 1,
            )


async def awaited(work: Callable[[threading.Event], tuple[R, Call]]) -> R:
    """Run a call off the event loop, and warn at the line of the user who awaits the method that awaits this."""
    from rapidembed.runtime.background import in_background

    result, call = await in_background(work)
    call.warn(stacklevel=3)
    return result
