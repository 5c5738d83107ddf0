"""One call of an embedding method: what it does to each text, and what it has to tell at the end."""

import warnings
from dataclasses import dataclass, field

from rapidembed.errors import EncodingWarning, TruncationWarning
from rapidembed.runtime.inputs import check_text, repair
from rapidembed.runtime.tokenizer import TokenIds

_MOST_INDICES = 1024  # a stream may have no end


@dataclass(slots=True)
class Call:
    """Prepares texts, looks at their tokens, counts what was changed."""

    prompt: str
    max_tokens: int
    truncate: bool
    task: int | None = None
    texts: int = 0
    repaired: int = 0
    truncated: int = 0
    first_truncated: list[int] = field(default_factory=list)

    def prepare(self, text: str, index: int | None) -> str:
        """The text as the tokenizer gets it.

        Raises:
            TypeError: it is not a str; names the index.
        """
        clean, repaired = repair(check_text(text, index))
        self.repaired += repaired
        return self.prompt + clean

    def inspect(self, tokens: TokenIds, index: int) -> None:
        """Count a text, and whether it was truncated.

        Raises:
            ValueError: it was, and ``truncate`` is False; names the index.
        """
        if tokens.truncated and not self.truncate:
            raise ValueError(
                f"texts[{index}] has more than {self.max_tokens} tokens, and truncate=False. "
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
                f"{self.truncated} of {self.texts} texts had more than {self.max_tokens} tokens and were cut. Split "
                "them, or raise max_tokens; truncate=False makes this an error."
            )
            warnings.warn(TruncationWarning(message, tuple(self.first_truncated)), stacklevel=stacklevel + 1)
        if self.repaired:
            warnings.warn(
                f"{self.repaired} of {self.texts} texts held lone surrogates, which are not Unicode text; each became "
                "U+FFFD. Decoding with errors='replace' instead of 'surrogateescape' avoids them.",
                EncodingWarning,
                stacklevel=stacklevel + 1,
            )
