"""Dense text embedding."""

from rapidembed.compat.text.text_embedding import TextEmbedding

__all__ = ["TextEmbedding"]
