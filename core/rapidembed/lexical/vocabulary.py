"""What becomes of a word: its stem's id, looked up once and remembered."""

import unicodedata
import weakref
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Protocol, cast

from mmh3 import hash as murmur3
from py_rust_stemmers import SnowballStemmer

DROPPED = -1
"""In place of the id of a word that is no term: a stopword, punctuation, or too long."""
_MOST_WORDS = 1 << 17


class Stemmer(Protocol):
    """Anything that stems one lower-case word, such as ``py_rust_stemmers.SnowballStemmer``."""

    def stem_word(self, word: str, /) -> str:
        """The stem; an empty string drops the word."""
        ...


@dataclass(frozen=True, slots=True)
class Rules:
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


class Vocabulary(dict[str, int]):
    """Word -> id of its term, or ``DROPPED``; looking a new word up adds it.

    Safe to use from several threads. It is bounded: :meth:`of` starts a new one when one is full, and calls that still
    use the old one keep it until they are done.
    """

    def __init__(self, rules: Rules) -> None:
        super().__init__()
        self._rules = rules
        self._stem = _stem_function(rules.stemmer)
        self._stem_of_id: dict[int, str] = {}
        self.collisions: set[int] = set()
        """Ids that several stems share."""

    @classmethod
    def of(cls, rules: Rules) -> "Vocabulary":
        """The vocabulary that this process shares for these rules."""
        found = _shared.get(rules.key)
        if found is None or len(found) > _MOST_WORDS:
            _shared[rules.key] = found = cls(rules)
        return found

    def __missing__(self, word: str) -> int:
        stem = self.stem(word)
        if stem is None:
            if len(word) <= self._rules.longest:
                self[word] = DROPPED
            return DROPPED
        index = term_id(stem)
        if self._stem_of_id.setdefault(index, stem) != stem:
            self.collisions.add(index)
        self[word] = index
        return index

    def stem(self, word: str) -> str | None:
        """The term that a word stands for, or None."""
        lower = word.lower()
        if len(word) > self._rules.longest or lower in self._rules.stopwords:
            return None
        if len(word) == 1 and unicodedata.category(word).startswith("P"):
            return None
        return self._stem(lower) or None


_shared: "weakref.WeakValueDictionary[Hashable, Vocabulary]" = weakref.WeakValueDictionary()


def _stem_function(stemmer: Stemmer | str | None) -> Callable[[str], str]:
    if stemmer is None:
        return str
    if isinstance(stemmer, str):
        stemmer = cast(Stemmer, SnowballStemmer(stemmer))
    return stemmer.stem_word
