"""Haystack components that embed on this machine. Saved pipelines name these modules: they must not move."""

try:
    from haystack import component  # noqa: F401
except ImportError as error:
    raise ImportError("rapidembed's components need haystack-ai: pip install 'rapidembed[haystack]'") from error

from haystack_integrations.components.embedders.rapidembed.document_embedder import FastembedDocumentEmbedder
from haystack_integrations.components.embedders.rapidembed.document_image_embedder import FastembedDocumentImageEmbedder
from haystack_integrations.components.embedders.rapidembed.sparse_document_embedder import (
    FastembedSparseDocumentEmbedder,
)
from haystack_integrations.components.embedders.rapidembed.sparse_text_embedder import FastembedSparseTextEmbedder
from haystack_integrations.components.embedders.rapidembed.text_embedder import FastembedTextEmbedder

__all__ = [
    "FastembedDocumentEmbedder",
    "FastembedDocumentImageEmbedder",
    "FastembedSparseDocumentEmbedder",
    "FastembedSparseTextEmbedder",
    "FastembedTextEmbedder",
]
