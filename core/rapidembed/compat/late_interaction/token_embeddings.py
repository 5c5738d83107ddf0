"""fastembed's class for the vectors of all tokens as a model has them."""

from rapidembed.compat.common.model_description import DenseModelDescription
from rapidembed.compat.late_interaction.late_interaction_text_embedding import LateInteractionModel


class TokenEmbeddingsModel(LateInteractionModel):
    """The vectors of all tokens, special ones included: ``jinaai/jina-embeddings-v2-small-en-tokens``."""

    _facade = "TokenEmbeddingsModel"
    _inner = ("rapidembed.compat.inner.late_interaction", "InnerTokens")

    @classmethod
    def _list_supported_models(cls) -> list[DenseModelDescription]:
        from rapidembed.compat.listing import dense
        from rapidembed.registry.catalog import curated

        return dense(spec for file in cls._computing()._task.rows for spec in curated(file))
