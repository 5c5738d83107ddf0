"""Weights of a text's own tokens: BGE-M3 (https://arxiv.org/abs/2402.03216), as FlagEmbedding has it."""

import numpy as np
from numpy.typing import NDArray

from rapidembed.hub import Checkpoint
from rapidembed.runtime.tokenizer import TokenIds, Tokenizer
from rapidembed.tasks.sparse.weighing import Weigher
from rapidembed.types import SparseEmbedding

_MASKS = ("<mask>", "[MASK]")


class TokenWeights(Weigher):
    """Reads the last column of a hybrid model's output."""

    def __init__(self, checkpoint: Checkpoint, tokenizer: Tokenizer) -> None:
        self.vocab_size = checkpoint.spec.vocab_size or 0
        # Of the special tokens FlagEmbedding leaves mask tokens their weight.
        masks = {tokenizer.token_id(mask) for mask in _MASKS}
        self._skipped = np.array([number for number in tokenizer.special_ids if number not in masks], dtype=np.int64)

    def document(self, text: TokenIds, output: NDArray[np.float32]) -> SparseEmbedding:
        """See :class:`~rapidembed.tasks.sparse.weighing.Weigher`: of a token that is there often the largest counts."""
        ids = np.array(text.ids, dtype=np.int64)
        weights = output[: len(ids), -1]
        kept = np.flatnonzero((weights > 0) & ~np.isin(ids, self._skipped))
        order = kept[np.lexsort((-weights[kept], ids[kept]))]
        indices, first = np.unique(ids[order], return_index=True)
        return SparseEmbedding(weights[order[first]], indices)
