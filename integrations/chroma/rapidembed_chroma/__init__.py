"""rapidembed for Chroma: importing it registers the embedding function "rapidembed"."""

try:
    import chromadb  # noqa: F401
except ImportError as error:
    raise ImportError("rapidembed_chroma needs chromadb: pip install 'rapidembed[chroma]'") from error

from rapidembed_chroma.function import RapidEmbedEmbeddingFunction

__all__ = ["RapidEmbedEmbeddingFunction"]
