"""What the sparse embedders share."""

from typing import Any

from haystack.dataclasses import SparseEmbedding
from haystack_integrations.components.embedders.rapidembed._embedder import PLACEMENT_KWARGS, LocalEmbedder

import rapidembed

_WORD_KWARGS = (
    "k",
    "b",
    "avg_len",
    "language",
    "token_max_length",
    "disable_stemmer",
    "stopwords",
    "tokenizer",
    "alpha",
)


class LocalSparseEmbedder(LocalEmbedder):
    """The base of the sparse components."""

    _in_model_kwargs = PLACEMENT_KWARGS + _WORD_KWARGS

    def _load(self) -> Any:
        return rapidembed.SparseTextEmbedding(
            **self._model_options(), max_tokens=self.max_tokens, truncate=self.truncate, prompts=self.prompts
        )


def to_haystack(embedding: "rapidembed.SparseEmbedding") -> SparseEmbedding:
    """The embedding in Haystack's type."""
    return SparseEmbedding(indices=embedding.indices.tolist(), values=embedding.values.tolist())
