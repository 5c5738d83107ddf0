"""What becomes of a word: its stem's id, looked up once and remembered."""

import os
import unicodedata
import weakref
from collections.abc import Callable, Hashable
from typing import NamedTuple, Protocol, cast

from mmh3 import hash as murmur3
from py_rust_stemmers import SnowballStemmer

from rapidembed.lexical.table import WordTable

DROPPED = -1
"""In place of the id of a word that is no term: a stopword, punctuation, or too long."""
_MOST_WORDS = 1 << 17


class Stemmer(Protocol):
    """Anything that stems one lower-case word, such as ``py_rust_stemmers.SnowballStemmer``."""

    def stem_word(self, word: str, /) -> str:
        """The stem; an empty string drops the word."""


class Rules(NamedTuple):
    """Which words are terms, and of which stem."""

    stemmer: Stemmer | str | None
    """A Snowball algorithm by its language, a stemmer, or None to take words as they are."""
    stopwords: frozenset[str]
    longest: int
    """Longer words are dropped."""

    @property
    def key(self) -> Hashable:
        """Equal for rules that give the same terms; a stemmer of the user's is known by being the same object."""
        by_name = self.stemmer is None or isinstance(self.stemmer, str)
        return self.stemmer if by_name else id(self.stemmer), self.stopwords, self.longest


def term_id(stem: str) -> int:
    """The index of a term: the absolute value of its 32-bit MurmurHash3 as a signed number, as fastembed has it."""
    return abs(murmur3(stem))


class Terms:
    """Words to terms, by the rules; it remembers which ids it gave."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._stem = _stem_function(rules.stemmer)
        self._stem_of_id: dict[int, str] = {}
        self.collisions: set[int] = set()
        """Ids that several stems share."""

    def __len__(self) -> int:
        return len(self._stem_of_id)

    def stem(self, word: str) -> str | None:
        """The term that a word stands for, or None."""
        if len(word) > self._rules.longest:
            return None
        if len(word) == 1 and unicodedata.category(word).startswith("P"):
            return None
        lower = word.lower()
        return None if lower in self._rules.stopwords else self._stem(lower) or None

    def resolve(self, word: str) -> int:
        """The id of the term that a word stands for, or ``DROPPED``."""
        stem = self.stem(word)
        if stem is None:
            return DROPPED
        index = term_id(stem)
        if self._stem_of_id.setdefault(index, stem) != stem:
            self.collisions.add(index)
        return index


class Vocabulary:
    """The ids of the words that were seen, by word for a few and by key for many at once.

    Safe to use from several threads. It is bounded: :meth:`of` starts a new one when one is full, and calls that still
    use the old one keep it until they are done.
    """

    def __init__(self, rules: Rules) -> None:
        self.terms = Terms(rules)
        self.by_word = _ByWord(self.terms.resolve, rules.longest)
        self.by_key = WordTable(self.terms.resolve)

    @property
    def size(self) -> int:
        """What is remembered, in words."""
        return max(len(self.terms), len(self.by_word) + len(self.by_key))

    @classmethod
    def of(cls, rules: Rules) -> "Vocabulary":
        """The vocabulary that this process shares for these rules."""
        found = _shared.get(rules.key)
        if found is None or found.size > _MOST_WORDS:
            _shared[rules.key] = found = cls(rules)
        return found


class _ByWord(dict[str, int]):
    """Word -> id, or ``DROPPED``; looking a new word up adds it."""

    def __init__(self, resolve: Callable[[str], int], longest: int) -> None:
        super().__init__()
        self._resolve, self._longest = resolve, longest

    def __missing__(self, word: str) -> int:
        if len(word) > self._longest:
            return DROPPED
        self[word] = index = self._resolve(word)
        return index


_shared: "weakref.WeakValueDictionary[Hashable, Vocabulary]" = weakref.WeakValueDictionary()


def _stem_function(stemmer: Stemmer | str | None) -> Callable[[str], str]:
    if stemmer is None:
        return str
    if isinstance(stemmer, str):
        stemmer = cast(Stemmer, SnowballStemmer(stemmer))
    return stemmer.stem_word


def _forget_in_child() -> None:
    # A table's lock may be held by a thread that the child does not have.
    global _shared
    _shared = weakref.WeakValueDictionary()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
