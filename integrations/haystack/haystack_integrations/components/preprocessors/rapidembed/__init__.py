"""Components that split Documents by the tokens of the model that embeds them."""

try:
    from haystack import component  # noqa: F401
except ImportError as error:
    raise ImportError("rapidembed's components need haystack-ai: pip install 'rapidembed[haystack]'") from error

from haystack_integrations.components.preprocessors.rapidembed.document_splitter import FastembedDocumentSplitter

__all__ = ["FastembedDocumentSplitter"]
