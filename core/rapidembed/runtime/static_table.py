"""The table of a static model: one vector per token, memory-mapped, and the mean over a text's tokens."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rapidembed.errors import IntegrityError
from rapidembed.graph.weights import Weights
from rapidembed.types import Vectors

# Read where they lie. Others are widened to float32 when the table is loaded: numpy is slow with them.
_FAST_TYPES = (np.float32, np.int8)


class StaticTable:
    """Token vectors, and model2vec's optional ``mapping`` (token id -> row) and ``weights`` (one per token id).

    Args:
        path: the safetensors file.
        tensor: name of the tensor that holds the vectors.
        tokens: size of the vocabulary; every id below it must have a row.

    Raises:
        IntegrityError: the tensors do not fit each other or the vocabulary.
    """

    def __init__(self, path: Path, tensor: str, tokens: int) -> None:
        weights = Weights([("", path)])
        rows = weights.stored(tensor)
        self._rows = rows if rows.dtype.type in _FAST_TYPES else rows.astype(np.float32)
        self._mapping = weights.stored("mapping") if "mapping" in weights else None
        self._weights = weights.stored("weights").astype(np.float32) if "weights" in weights else None
        known = len(rows) if self._mapping is None else len(self._mapping)
        for name, size in ((tensor, known), ("weights", known if self._weights is None else len(self._weights))):
            if size < tokens:
                raise IntegrityError(f"{path}: {name!r} covers {size} tokens, but tokenizer.json has {tokens}.")
        if self._mapping is not None and (self._mapping.min() < 0 or self._mapping.max() >= len(rows)):
            raise IntegrityError(f"{path}: 'mapping' points outside the {len(rows)} rows of {tensor!r}.")

    def means(self, ids: NDArray[np.int64]) -> Vectors:
        """Mean token vector of texts of one length.

        Args:
            ids: (texts, tokens).

        Returns:
            float32 (texts, dim); zeros where there are no tokens.
        """
        if ids.shape[1] == 0:
            return np.zeros((len(ids), self._rows.shape[1]), dtype=np.float32)
        rows: NDArray[Any] = self._rows[ids if self._mapping is None else self._mapping[ids]]
        if self._weights is None:
            total = np.add.reduce(rows, axis=1, dtype=np.float32)
        else:
            total = np.einsum("bt,btd->bd", self._weights[ids], rows, dtype=np.float32, casting="same_kind")
        return np.asarray(total / np.float32(ids.shape[1]))
