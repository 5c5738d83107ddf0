"""Sparse text embedding."""

from rapidembed.compat.sparse.sparse_embedding_base import SparseEmbedding
from rapidembed.compat.sparse.sparse_text_embedding import SparseTextEmbedding

__all__ = ["SparseEmbedding", "SparseTextEmbedding"]
