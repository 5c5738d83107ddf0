"""rapidembed for LanceDB: importing it registers the embedding function "rapidembed"."""

try:
    import lancedb  # noqa: F401
except ImportError as error:
    raise ImportError("rapidembed_lancedb needs lancedb: pip install 'rapidembed[lancedb]'") from error

from rapidembed_lancedb.embeddings import RapidEmbedEmbeddings

__all__ = ["RapidEmbedEmbeddings"]
