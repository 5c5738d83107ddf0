"""Haystack components that embed on this machine. Saved pipelines name these modules: they must not move."""

try:
    from haystack import component  # noqa: F401
except ImportError as error:
    raise ImportError("rapidembed's components need haystack-ai: pip install 'rapidembed[haystack]'") from error

from haystack_integrations.components.embedders.rapidembed.document_embedder import FastembedDocumentEmbedder
from haystack_integrations.components.embedders.rapidembed.text_embedder import FastembedTextEmbedder

__all__ = ["FastembedDocumentEmbedder", "FastembedTextEmbedder"]
