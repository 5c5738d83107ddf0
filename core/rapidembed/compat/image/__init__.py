"""Image embedding."""

from rapidembed.compat.image.image_embedding import ImageEmbedding

__all__ = ["ImageEmbedding"]
