"""BM25 as sparse vectors: a document's term weights, to be multiplied by the terms' idf where they are searched.

Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), in fastembed's form.
"""

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rapidembed.lexical.vocabulary import DROPPED, Rules, Terms, Vocabulary, term_id
from rapidembed.lexical.words import Tokenize, separated_words, word_tokens
from rapidembed.types import SparseEmbedding

_SHORT = 4096
"""Characters of a text that is sooner counted word by word than by the arrays that many texts are counted with."""
_ID_BITS = 32
_ID_MASK = (1 << _ID_BITS) - 1


class VectorKind(NamedTuple):
    """What sparse vectors are, and the types of their weights."""

    make: Callable[[NDArray[Any], NDArray[np.int64]], Any]
    """From weights and indices."""
    document: type[np.number[Any]]
    query: type[np.number[Any]]


SPARSE_EMBEDDINGS = VectorKind(SparseEmbedding, np.float32, np.float32)


class TermCounts(NamedTuple):
    """How often the terms occur in some texts: one entry per text and term, by text, then by id."""

    text: NDArray[np.int64]
    """int64 (entries,): number of the text."""
    id: NDArray[np.int64]
    """int64 (entries,): id of the term."""
    times: NDArray[np.int64]
    """int64 (entries,): occurrences; where stems share an id, those of the stem that came last into the text."""
    length: NDArray[np.int64]
    """int64 (texts,): terms in each text, repetitions counted."""


class Bm25:
    """Turns texts into term weights. Safe to use from several threads.

    Args:
        tokenize: a text to its words.
        rules: a word to its term.
        k: how slowly repetitions of a term stop to count.
        b: how much long documents are held against their terms, 0 to 1.
        avg_len: terms in an average document.
        kind: what the vectors are.
    """

    def __init__(
        self,
        tokenize: Tokenize,
        rules: Rules,
        *,
        k: float,
        b: float,
        avg_len: float,
        kind: VectorKind = SPARSE_EMBEDDINGS,
    ) -> None:
        self._kind = kind
        self.k, self.b, self.avg_len = k, b, avg_len
        self.rules = rules
        self.tokenize = tokenize
        self._vocabulary = Vocabulary.of(rules)

    @property
    def fingerprint(self) -> str:
        """32 hexadecimal digits over everything that decides the weights; functions count by their name only."""
        # They take as long to load as all of this package.
        import hashlib
        import json

        rules = self.rules
        facts = {
            "tokenize": _name(self.tokenize),
            "stemmer": rules.stemmer if isinstance(rules.stemmer, str | None) else _name(type(rules.stemmer)),
            "stopwords": sorted(rules.stopwords),
            "longest": rules.longest,
            "weights": [float(self.k), float(self.b), float(self.avg_len)],
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]

    def documents(self, texts: Sequence[str]) -> list[SparseEmbedding]:
        """Weights of each text's terms, ids ascending."""
        if len(texts) == 1 and len(texts[0]) < _SHORT:
            return [self._document(texts[0])]
        counts = self.count(texts)
        weights = self.weights(counts).astype(self._kind.document, copy=False)
        ends = np.searchsorted(counts.text, np.arange(1, len(texts) + 1)).tolist()
        starts = [0, *ends[:-1]]
        # Copies: views would keep the whole batch in memory.
        return [
            self._kind.make(weights[start:end].copy(), counts.id[start:end].copy())
            for start, end in zip(starts, ends, strict=True)
        ]

    def query(self, text: str) -> SparseEmbedding:
        """The text's terms, ids ascending, each with weight 1."""
        by_word = self._fresh_vocabulary().by_word
        ids = set(map(by_word.__getitem__, self.tokenize(text)))
        ids.discard(DROPPED)
        vector: SparseEmbedding = self._kind.make(np.ones(len(ids), self._kind.query), np.array(sorted(ids), np.int64))
        return vector

    def count(self, texts: Sequence[str]) -> TermCounts:
        """Count the terms of each text."""
        vocabulary = self._fresh_vocabulary()
        ids, row = self._occurrences(texts, vocabulary)
        kept = ids != DROPPED
        ids, row = ids[kept], row[kept]
        # One number per occurrence, which sorts by text, then by id; equal numbers are repetitions.
        occurrence = (row << _ID_BITS) | ids
        occurrence.sort()
        first = np.flatnonzero(np.diff(occurrence, prepend=-1))
        entry = occurrence[first]
        counts = TermCounts(
            text=entry >> _ID_BITS,
            id=entry & _ID_MASK,
            times=np.diff(first, append=len(occurrence)),
            length=np.bincount(row, minlength=len(texts)),
        )
        if vocabulary.terms.collisions:
            self._separate_collisions(counts, vocabulary.terms, texts)
        return counts

    def _occurrences(self, texts: Sequence[str], vocabulary: Vocabulary) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The id of every word of all texts, and the number of the text that it is in."""
        if self.tokenize is word_tokens:
            words, ends, numbers = separated_words(texts)
            ids, starts = vocabulary.by_key.look_up(words)
            return ids, numbers[np.searchsorted(ends, starts, side="right")]
        tokens = [list(self.tokenize(text)) for text in texts]
        lengths = [len(of_text) for of_text in tokens]
        by_word = map(vocabulary.by_word.__getitem__, itertools.chain.from_iterable(tokens))
        return np.fromiter(by_word, np.int64, sum(lengths)), np.repeat(np.arange(len(texts)), lengths)

    def _document(self, text: str) -> SparseEmbedding:
        """What :meth:`documents` computes, faster for one short text."""
        vocabulary = self._fresh_vocabulary()
        counts = Counter(map(vocabulary.by_word.__getitem__, self.tokenize(text)))
        counts.pop(DROPPED, None)
        ids = sorted(counts)
        found = TermCounts(
            text=np.zeros(len(ids), np.int64),
            id=np.array(ids, np.int64),
            times=np.array([counts[index] for index in ids], np.int64),
            length=np.array([counts.total()]),
        )
        if vocabulary.terms.collisions:
            self._separate_collisions(found, vocabulary.terms, [text])
        vector: SparseEmbedding = self._kind.make(self.weights(found).astype(self._kind.document), found.id)
        return vector

    def _separate_collisions(self, counts: TermCounts, terms: Terms, texts: Sequence[str]) -> None:
        """Where several stems of a text share an id, count the one that fastembed counts: the last to come first."""
        for entry in np.flatnonzero(np.isin(counts.id, list(terms.collisions))):
            words = self.tokenize(texts[counts.text[entry]])
            stems = Counter(stem for stem in map(terms.stem, words) if stem and term_id(stem) == counts.id[entry])
            counts.times[entry] = list(stems.values())[-1]  # a Counter keeps the order in which its keys came

    def weights(self, counts: TermCounts) -> NDArray[np.float64]:
        """The BM25 weight of each entry, without idf: float64."""
        norm = self.k * (1 - self.b + self.b * counts.length / self.avg_len)
        weights: NDArray[np.float64] = counts.times * (self.k + 1) / (counts.times + norm[counts.text])
        return weights

    def token_count(self, texts: Iterable[str]) -> int:
        """Words in all texts, dropped ones included."""
        return sum(len(list(self.tokenize(text))) for text in texts)

    def _fresh_vocabulary(self) -> Vocabulary:
        # Kept, because only models keep it alive.
        self._vocabulary = vocabulary = Vocabulary.of(self.rules)
        return vocabulary


def _name(thing: Any) -> str:
    return f"{thing.__module__}.{getattr(thing, '__qualname__', type(thing).__qualname__)}"
