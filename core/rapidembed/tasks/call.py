"""One call of an embedding method: what it does to each text, and what it has to tell at the end."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from rapidembed.errors import EncodingWarning, InputWarning, TruncationWarning
from rapidembed.runtime.inputs import check_text, repair
from rapidembed.tasks.bulk import Bulk
from rapidembed.tasks.caller import users_level

if TYPE_CHECKING:
    from rapidembed.runtime.tokenizer import TokenIds  # lexical models do without the tokenizers package

R = TypeVar("R")

_MOST_INDICES = 1024  # a stream may have no end
_NAMED = 5


@dataclass(slots=True)
class Call:
    """Prepares inputs, looks at their tokens, counts what was changed. What concerns tokens, other inputs leave out."""

    prompt: str = ""
    max_tokens: int = 0
    truncate: bool = True
    extra: Mapping[str, int] = field(default_factory=dict)
    """What the graph is fed beside the tokens."""
    role: str = "plain"
    texts: int = 0
    repaired: int = 0
    truncated: int = 0
    first_truncated: list[int] = field(default_factory=list)
    unsplit: int = 0
    """Texts of a script without spaces, in which BM25 found no words."""
    remedy: str = "Split them"
    """What to do about texts that were cut."""
    noun: str = "texts"
    """What the inputs are called in messages."""
    quiet: bool = False
    """Whether cut texts, and those without words, are nothing to be told of."""

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
        if not self.quiet:
            self._warn_of_cuts(stacklevel + 1)
            self._warn_of_unsplit(stacklevel + 1)
        self.warn_of_repairs(stacklevel + 1)

    def _warn_of_cuts(self, stacklevel: int) -> None:
        if not self.truncated:
            return
        named = [f"{self.noun}[{index}]" for index in self.first_truncated[:_NAMED]]
        which = f": {', '.join(named)}{', …' if self.truncated > len(named) else ''}" if self.texts > 1 else ""
        message = (
            f"{self.truncated} of {self.texts} {self.noun} had more than {self.max_tokens} tokens and were cut"
            f"{which}. {self.remedy}, or raise max_tokens; truncate=False makes this an error."
        )
        warning = TruncationWarning(message, tuple(self.first_truncated))
        warnings.warn(warning, stacklevel=users_level(stacklevel + 1))

    def _warn_of_unsplit(self, stacklevel: int) -> None:
        if self.unsplit:
            warnings.warn(
                f"{self.unsplit} of {self.texts} {self.noun} are of a script without spaces, and BM25 found no words "
                "in them, so they match nothing. tokenizer='unicode', or the right language=, finds some.",
                InputWarning,
                stacklevel=users_level(stacklevel + 1),
            )

    def warn_of_repairs(self, stacklevel: int) -> None:
        """Say once that lone surrogates were replaced; ``stacklevel`` as in :meth:`warn`."""
        if self.repaired:
            warnings.warn(
                f"{self.repaired} of {self.texts} {self.noun} held lone surrogates, which are not Unicode text; each "
                "became U+FFFD. Decoding with errors='replace' instead of 'surrogateescape' avoids them.",
                EncodingWarning,
                stacklevel=users_level(stacklevel + 1),
            )


def told(outcome: tuple[R, Call], stacklevel: int = 2) -> R:
    """The result of a call, once its user heard what was changed.

    Args:
        outcome: of the call.
        stacklevel: of the user's line, seen from the caller of this function; as in :func:`warnings.warn`.
    """
    result, call = outcome
    call.warn(stacklevel + 1)
    return result


async def awaited(work: Callable[[Bulk], tuple[R, Call]], bulk: Bulk, stacklevel: int = 3) -> R:
    """Run a call off the event loop, and warn at the line of the user who awaits the method that awaits this."""
    from rapidembed.runtime.background import in_background

    return told(await in_background(lambda cancelled: work(replace(bulk, cancelled=cancelled))), stacklevel)
