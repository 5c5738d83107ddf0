"""The options of BM25, checked once."""

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, fields
from numbers import Real
from typing import Any

from rapidembed.lexical.vocabulary import Stemmer
from rapidembed.lexical.words import TOKENIZERS, WordSplitter
from rapidembed.runtime.inputs import check_positive


@dataclass(frozen=True, slots=True, kw_only=True)
class LexicalOptions:
    """The options of BM25, documented in :class:`rapidembed.SparseTextEmbedding`; None: the model's own."""

    k: float | None
    b: float | None
    avg_len: float | None
    language: str | None
    token_max_length: int | None
    disable_stemmer: bool | None
    stemmer: Stemmer | None
    stopwords: Collection[str] | None
    tokenizer: WordSplitter | None

    def __post_init__(self) -> None:
        check_number("k", self.k, lambda k: k >= 0, "a number from 0 on")
        check_number("b", self.b, lambda b: 0 <= b <= 1, "a number from 0 to 1")
        check_number("avg_len", self.avg_len, lambda length: length > 0, "a positive number")
        if not isinstance(self.language, str | None):
            raise ValueError(f"language must be a str or None, got {self.language!r}.")
        if self.token_max_length is not None:
            check_positive("token_max_length", self.token_max_length)
        if not isinstance(self.disable_stemmer, bool | None):
            raise ValueError(f"disable_stemmer must be True or False, got {self.disable_stemmer!r}.")
        if self.stemmer is not None and not callable(getattr(self.stemmer, "stem_word", None)):
            raise ValueError(f"stemmer must have a method stem_word(word), got {self.stemmer!r}.")
        words = self.stopwords
        if words is not None and (
            isinstance(words, str) or not isinstance(words, Collection) or any(not isinstance(w, str) for w in words)
        ):
            raise ValueError(f"stopwords must be a collection of str, got {words!r}.")
        if self.tokenizer is not None and self.tokenizer not in TOKENIZERS and not callable(self.tokenizer):
            names = ", ".join(map(repr, TOKENIZERS))
            raise ValueError(f"tokenizer must be {names} or a function from str to words, got {self.tokenizer!r}.")

    def saved(self) -> dict[str, Any]:
        """The options by name, in types that JSON knows; a stemmer or tokenizer of the user's is None."""
        tokenizer = self.tokenizer if isinstance(self.tokenizer, str) else None
        stopwords = None if self.stopwords is None else sorted(self.stopwords)
        values = {option.name: getattr(self, option.name) for option in fields(self)}
        return values | {"stemmer": None, "tokenizer": tokenizer, "stopwords": stopwords}

    def given(self) -> dict[str, Any]:
        """The options that are not None, by name."""
        values = {option.name: getattr(self, option.name) for option in fields(self)}
        return {name: value for name, value in values.items() if value is not None}


def check_number(name: str, value: object, fits: Callable[[float], bool], wanted: str) -> None:
    """Raise a ValueError unless ``value`` is None or a finite number that fits; names the argument."""
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value) or not fits(float(value)):
        raise ValueError(f"{name} must be {wanted}, got {value!r}.")
