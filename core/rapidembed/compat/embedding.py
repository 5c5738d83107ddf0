"""Names of fastembed's first versions."""

import logging
from typing import Any

from rapidembed.compat.text.text_embedding import TextEmbedding

logging.getLogger(__name__).warning(
    "DefaultEmbedding, FlagEmbedding and JinaEmbedding are old names; use TextEmbedding."
)

DefaultEmbedding = TextEmbedding
FlagEmbedding = TextEmbedding


class JinaEmbedding(TextEmbedding):
    """A TextEmbedding with another default."""

    def __init__(
        self,
        model_name: str = "jinaai/jina-embeddings-v2-base-en",
        cache_dir: str | None = None,
        threads: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(model_name, cache_dir, threads, **kwargs)
