"""What BM42 and miniCOIL do alike: stems, words that are dropped, and vectors whose indices ascend."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import cast

import numpy as np
from py_rust_stemmers import SnowballStemmer

from rapidembed.errors import UnsupportedModelError
from rapidembed.hub import Checkpoint
from rapidembed.lexical.languages import stopwords_of
from rapidembed.lexical.vocabulary import Stemmer
from rapidembed.registry import WordWeights
from rapidembed.types import SparseEmbedding

_STEMS_KEPT = 1 << 16


def stem_function(words: WordWeights) -> Callable[[str], str]:
    """The stemmer, which keeps the stems of late at hand.

    Raises:
        UnsupportedModelError: there is none for the language.
    """
    try:
        stemmer = cast(Stemmer, SnowballStemmer(words.language))
    except ValueError as error:
        raise UnsupportedModelError(f"There is no stemmer for the language {words.language!r}.") from error
    return lru_cache(_STEMS_KEPT)(stemmer.stem_word)


def read_stopwords(checkpoint: Checkpoint, words: WordWeights) -> frozenset[str]:
    """The checkpoint's own stopwords, else those of the language."""
    file = checkpoint.root / words.stopwords
    if file.is_file():
        return frozenset(file.read_text(encoding="utf-8").splitlines())
    return frozenset(stopwords_of(words.language))


def ascending(weights: Mapping[int, float]) -> SparseEmbedding:
    """A vector from index -> weight."""
    indices = sorted(weights)
    values = [weights[index] for index in indices]
    return SparseEmbedding(np.array(values, dtype=np.float32), np.array(indices, dtype=np.int64))
