"""BM42: words weigh what the first token attends to them (https://qdrant.tech/articles/bm42/), as fastembed has it."""

import math
import string
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rapidembed.hub import Checkpoint
from rapidembed.lexical.pieces import whole_words
from rapidembed.lexical.vocabulary import term_id
from rapidembed.registry import WordWeights
from rapidembed.runtime.tokenizer import TokenIds, Tokenizer
from rapidembed.tasks.sparse.weighing import Weigher
from rapidembed.tasks.sparse.weighing.words import ascending, read_stopwords, stem_function
from rapidembed.types import SparseEmbedding


class AttentionWeights(Weigher):
    """Reads the attention of the last layer."""

    requires_idf = True
    looks_up = True

    def __init__(self, checkpoint: Checkpoint, tokenizer: Tokenizer, alpha: float | None) -> None:
        words = checkpoint.spec.words or WordWeights()
        self.vocab_size = checkpoint.spec.vocab_size or 0
        self._alpha = words.alpha if alpha is None else alpha
        self._language = words.language
        self._stem = stem_function(words)
        self._stopwords = read_stopwords(checkpoint, words)
        self._dropped = self._stopwords | set(string.punctuation)
        self._tokenizer = tokenizer
        self._special = frozenset(tokenizer.tokens(tokenizer.special_ids))

    def document(self, text: TokenIds, output: NDArray[np.float32]) -> SparseEmbedding:
        """See :class:`~rapidembed.tasks.sparse.weighing.Weigher`: of a stem that is there often the largest counts."""
        attention = output[: len(text.ids)].tolist()
        largest: dict[str, float] = {}
        for stem, places in self._stems(text.ids):
            weight = sum(attention[place] for place in places)
            largest[stem] = max(largest.get(stem, 0.0), weight)
        return ascending({term_id(stem): math.log1p(weight) ** self._alpha for stem, weight in largest.items()})

    def look_up(self, text: TokenIds) -> SparseEmbedding:
        """See :class:`~rapidembed.tasks.sparse.weighing.Weigher`: every stem weighs 1."""
        return ascending({term_id(stem): 1.0 for stem, _ in self._stems(text.ids)})

    def facts(self) -> dict[str, Any]:
        """See :class:`~rapidembed.tasks.sparse.weighing.Weigher`."""
        return {"words": [self._language, sorted(self._stopwords), self._alpha]}

    def _stems(self, ids: Iterable[int]) -> Iterator[tuple[str, list[int]]]:
        """The stem of each word that counts, and where its pieces stand."""
        words = whole_words(self._tokenizer.tokens(list(ids)), self._special)
        return ((self._stem(word), places) for word, places in words if word not in self._dropped)
