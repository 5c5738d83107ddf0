"""What the sparse embedders share."""

from typing import Any

from haystack.dataclasses import SparseEmbedding
from haystack_integrations.components.embedders.rapidembed._embedder import (
    PLACEMENT_KWARGS,
    LocalEmbedder,
    device_name,
)

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
            self.model,
            self.cache_dir,
            self.threads,
            device=device_name(self.device),
            precision=self.precision,
            backend=self.backend,
            revision=self.revision,
            local_files_only=self.local_files_only,
            max_tokens=self.max_tokens,
            truncate=self.truncate,
            prompts=self.prompts,
            token=self.token.resolve_value() if self.token else None,
            **(self.model_kwargs or {}),
        )


def to_haystack(embedding: "rapidembed.SparseEmbedding") -> SparseEmbedding:
    """The embedding in Haystack's type."""
    return SparseEmbedding(indices=embedding.indices.tolist(), values=embedding.values.tolist())
