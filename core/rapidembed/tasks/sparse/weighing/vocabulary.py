"""Weights of the vocabulary's words: SPLADE, and inference-free models."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from rapidembed.errors import IntegrityError
from rapidembed.hub import Checkpoint
from rapidembed.registry import SparseWeights
from rapidembed.registry.config_file import ConfigFile
from rapidembed.runtime.tokenizer import TokenIds, Tokenizer
from rapidembed.tasks.sparse.weighing import Weigher
from rapidembed.types import SparseEmbedding


class VocabularyWeights(Weigher):
    """Reads the pooled logits of a masked language model, whose training saw to what idf is for."""

    def __init__(self, checkpoint: Checkpoint, tokenizer: Tokenizer) -> None:
        spec = checkpoint.spec
        self._sparse = sparse = spec.sparse or SparseWeights()
        self.vocab_size = spec.dim
        self._skipped = np.array(tokenizer.special_ids if sparse.skip_special else [], dtype=np.int64)
        self._logs = 0 if sparse.pooling == "sum" else sparse.logs
        file = sparse.query_weights
        self._query_weights = _weights(checkpoint.root / file, tokenizer, spec.dim) if file else None

    @property
    def looks_up(self) -> bool:
        """See :class:`~rapidembed.tasks.sparse.weighing.Weigher`."""
        return self._query_weights is not None

    def document(self, text: TokenIds, output: NDArray[np.float32]) -> SparseEmbedding:
        """See :class:`~rapidembed.tasks.sparse.weighing.Weigher`."""
        indices = np.flatnonzero(output > 0)
        if len(self._skipped):
            indices = indices[~np.isin(indices, self._skipped)]
        values = output[indices]
        for _ in range(self._logs):
            values = np.log1p(values)
        return SparseEmbedding(values, indices)

    def look_up(self, text: TokenIds) -> SparseEmbedding:
        """See :class:`~rapidembed.tasks.sparse.weighing.Weigher`."""
        indices = np.setdiff1d(np.array(text.ids, dtype=np.int64), self._skipped)  # sorted, each once
        values = np.zeros(0, np.float32) if self._query_weights is None else self._query_weights[indices]
        return SparseEmbedding(values[values != 0], indices[values != 0])

    def facts(self) -> dict[str, Any]:
        """See :class:`~rapidembed.tasks.sparse.weighing.Weigher`."""
        return {"sparse": [self._sparse.pooling, self._sparse.logs, self._sparse.skip_special]}


def _weights(path: Path, tokenizer: Tokenizer, words: int) -> NDArray[np.float32]:
    """A weight for each token of the vocabulary."""
    if path.suffix == ".json":
        weights = np.zeros(words, dtype=np.float32)
        for token, weight in ConfigFile.read(path).values.items():
            number = tokenizer.token_id(token)
            if isinstance(weight, bool) or not isinstance(weight, int | float):
                raise IntegrityError(f"{path}: expected a number for {token!r}, got {weight!r}.")
            if number is not None and number < words:
                weights[number] = weight
        return weights
    try:
        found = load_file(path)["weight"]
    except (SafetensorError, OSError, KeyError) as error:
        raise IntegrityError(f"{path} does not hold a tensor 'weight': {error}") from error
    if found.ndim != 1 or len(found) < words:
        raise IntegrityError(f"{path}: expected a weight for each of {words} tokens, got shape {found.shape}.")
    return np.asarray(found, dtype=np.float32)
