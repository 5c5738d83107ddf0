"""Late-interaction embedding of texts and pictures."""

from rapidembed.compat.late_interaction_multimodal.late_interaction_multimodal_embedding import (
    LateInteractionMultimodalEmbedding,
)

__all__ = ["LateInteractionMultimodalEmbedding"]
