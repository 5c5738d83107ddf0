"""rapidembed for Haystack: ``from rapidembed_haystack import FastembedDocumentEmbedder, FastembedTextEmbedder``.

The components are defined in Haystack's own namespace, because pipelines are loaded from YAML only from there.
"""

from haystack_integrations.components.embedders.rapidembed import (
    FastembedDocumentEmbedder,
    FastembedDocumentImageEmbedder,
    FastembedSparseDocumentEmbedder,
    FastembedSparseTextEmbedder,
    FastembedTextEmbedder,
)
from haystack_integrations.components.preprocessors.rapidembed import FastembedDocumentSplitter
from haystack_integrations.components.rankers.rapidembed import FastembedLateInteractionRanker, FastembedRanker

__all__ = [
    "FastembedDocumentEmbedder",
    "FastembedDocumentImageEmbedder",
    "FastembedDocumentSplitter",
    "FastembedLateInteractionRanker",
    "FastembedRanker",
    "FastembedSparseDocumentEmbedder",
    "FastembedSparseTextEmbedder",
    "FastembedTextEmbedder",
]
