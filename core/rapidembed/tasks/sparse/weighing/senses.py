"""miniCOIL: a word of a known vocabulary becomes a few numbers that tell its meanings apart; others weigh as in BM25.

https://qdrant.tech/articles/minicoil/, as fastembed has it.
"""

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rapidembed.errors import IntegrityError
from rapidembed.hub import Checkpoint
from rapidembed.lexical.pieces import whole_words
from rapidembed.lexical.vocabulary import term_id
from rapidembed.registry import WordWeights
from rapidembed.registry.config_file import ConfigFile
from rapidembed.runtime.tokenizer import TokenIds, Tokenizer
from rapidembed.tasks.sparse.weighing import Weigher
from rapidembed.tasks.sparse.weighing.words import ascending, read_stopwords, stem_function
from rapidembed.types import SparseEmbedding

_LONGEST = 40
"""Letters of the longest unknown word that counts."""
_SPECIAL = ("[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]")
_NO_WORD = re.compile(r"[^\w\s]")
_GAP = 32_000
"""Indices of unknown words begin at a multiple of it, well behind those of known ones."""
_END = 2**31 - 1
_SMALLEST_NORM = 1e-8


@dataclass(slots=True)
class _Entry:
    """A word of a text."""

    number: int
    """In the vocabulary, from 1 on; 0: unknown."""
    count: int = 0


class WordSenses(Weigher):
    """Reads token vectors.

    Raises:
        IntegrityError: the vocabulary or the projections are damaged, or do not fit together.
    """

    requires_idf = True

    def __init__(
        self, checkpoint: Checkpoint, tokenizer: Tokenizer, k: float | None, b: float | None, avg_len: float | None
    ) -> None:
        words = checkpoint.spec.words or WordWeights()
        self.vocab_size = checkpoint.spec.vocab_size or 0
        self._k = words.k if k is None else k
        self._b = words.b if b is None else b
        self._avg_len = words.avg_len if avg_len is None else avg_len
        self._language = words.language
        self._stem = stem_function(words)
        self._stopwords = read_stopwords(checkpoint, words)
        self._tokenizer = tokenizer
        self._words, self._word_of_stem = _read_vocabulary(checkpoint.root / (words.vocabulary or ""))
        self._numbers = {word: number for number, word in enumerate(self._words, 1)}
        self._projections = _read_projections(
            checkpoint.root / (words.projections or ""), len(self._words), checkpoint.spec.dim
        )
        width = self._projections.shape[2]
        self._shift = ((1 + len(self._words)) * width // _GAP + 2) * _GAP

    def document(self, text: TokenIds, output: NDArray[np.float32]) -> SparseEmbedding:
        """See :class:`~rapidembed.tasks.sparse.weighing.Weigher`."""
        words, senses = self._read(text, output)
        length = sum(entry.count for entry in words.values())
        norm = self._k * (1 - self._b + self._b * length / self._avg_len)
        weights = {word: entry.count * (self._k + 1) / (entry.count + norm) for word, entry in words.items()}
        return self._vector(words, senses, weights)

    def query(self, text: TokenIds, output: NDArray[np.float32]) -> SparseEmbedding:
        """See :class:`~rapidembed.tasks.sparse.weighing.Weigher`: how often a word occurs does not matter."""
        words, senses = self._read(text, output)
        return self._vector(words, senses, dict.fromkeys(words, 1.0))

    def facts(self) -> dict[str, Any]:
        """See :class:`~rapidembed.tasks.sparse.weighing.Weigher`."""
        return {"words": [self._language, sorted(self._stopwords), self._k, self._b, self._avg_len]}

    def _read(
        self, text: TokenIds, output: NDArray[np.float32]
    ) -> tuple[dict[str, _Entry], dict[int, NDArray[np.float32]]]:
        """The words of a text, and the numbers that known ones become, of length 1."""
        known: dict[int, _Entry] = {}
        unknown: dict[str, _Entry] = {}
        numbers = np.zeros(len(text.ids), dtype=np.int64)
        for word, places in whole_words(self._tokenizer.tokens(text.ids)):
            number = self._number(word)
            numbers[places] = number
            entry = known.setdefault(number, _Entry(number)) if number else unknown.setdefault(word, _Entry(0))
            entry.count += 1
        entries = {self._words[number - 1]: known[number] for number in sorted(known)} | unknown
        return self._clean(entries), self._senses(numbers, output[: len(text.ids)])

    def _number(self, word: str) -> int:
        """The word of the vocabulary that a word stands for; 0: none."""
        if word in self._stopwords:
            return 0
        if word in self._numbers:
            return self._numbers[word]
        known = self._word_of_stem.get(word) or self._word_of_stem.get(self._stem(word))
        return self._numbers[known] if known else 0

    def _clean(self, entries: dict[str, _Entry]) -> dict[str, _Entry]:
        """Known words as they are, and the stems of unknown ones, as BM25 would have them.

        A stem that is a known word of this text is counted as that: so it is in fastembed.
        """
        clean: dict[str, _Entry] = {}
        for word, entry in entries.items():
            if entry.number:
                clean[word] = entry
            elif not self._dropped(word):
                for part in _NO_WORD.sub(" ", word).split():
                    stem = self._stem(part)
                    if len(stem) <= _LONGEST and not self._dropped(stem):
                        clean.setdefault(stem, _Entry(0)).count += entry.count
        return clean

    def _dropped(self, word: str) -> bool:
        punctuation = len(word) == 1 and unicodedata.category(word).startswith("P")
        return punctuation or word in _SPECIAL or word in self._stopwords

    def _senses(self, numbers: NDArray[np.int64], vectors: NDArray[np.float32]) -> dict[int, NDArray[np.float32]]:
        """Of each word of the vocabulary that is there: the mean of its tokens' vectors, projected."""
        order = np.argsort(numbers, kind="stable")
        order = order[numbers[order] > 0]
        if not len(order):
            return {}
        ordered = numbers[order]
        begins = np.flatnonzero(np.diff(ordered, prepend=0))
        counts = np.diff(begins, append=len(order))
        means = np.add.reduceat(vectors[order], begins, axis=0) / counts[:, None].astype(np.float32)
        found = ordered[begins]
        senses = np.tanh(np.einsum("wi,wio->wo", means, self._projections[found]))
        norms = np.linalg.norm(senses, axis=1, keepdims=True)
        senses = senses / np.where(norms < _SMALLEST_NORM, 1, norms)
        return dict(zip(found.tolist(), senses.astype(np.float32), strict=True))

    def _vector(
        self, words: dict[str, _Entry], senses: dict[int, NDArray[np.float32]], weights: dict[str, float]
    ) -> SparseEmbedding:
        found: dict[int, float] = {}
        for word, entry in words.items():
            if entry.number:
                first = entry.number * self._projections.shape[2]
                for place, value in enumerate(senses[entry.number].tolist(), first):
                    found[place] = value * weights[word]
            else:
                # Where two unknown words share an index the later one counts; fastembed names the index twice.
                found[self._shift + term_id(word) % (_END - self._shift)] = weights[word]
        return ascending(found)


def _read_vocabulary(path: Path) -> tuple[list[str], dict[str, str]]:
    """The words, and which of them a stem stands for."""
    file = ConfigFile.read(path)
    words, stems = file.values.get("vocab"), file.values.get("stem_mapping")
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise IntegrityError(f"{path}: expected vocab to be a list of words.")
    known = set(words)
    if not isinstance(stems, dict) or not all(isinstance(word, str) and word in known for word in stems.values()):
        raise IntegrityError(f"{path}: expected stem_mapping to map stems to words of vocab.")
    return words, stems


def _read_projections(path: Path, words: int, width: int) -> NDArray[np.float32]:
    """A matrix for each word, memory-mapped; the first one is nobody's."""
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise IntegrityError(f"{path} is no complete array file: {error}") from error
    if found.ndim != 3 or found.shape[:2] != (words + 1, width) or found.dtype.kind != "f":
        raise IntegrityError(
            f"{path}: expected floats of shape ({words + 1}, {width}, n), got {found.dtype} {found.shape}."
        )
    return np.asarray(found)
