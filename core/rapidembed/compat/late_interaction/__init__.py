"""Late-interaction text embedding."""

from rapidembed.compat.late_interaction.late_interaction_text_embedding import LateInteractionTextEmbedding

__all__ = ["LateInteractionTextEmbedding"]
