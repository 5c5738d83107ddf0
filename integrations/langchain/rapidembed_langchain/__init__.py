"""rapidembed for LangChain: ``from rapidembed_langchain import FastEmbedEmbeddings, FastEmbedSparse``."""

try:
    import langchain_core  # noqa: F401
except ImportError as error:
    raise ImportError("rapidembed_langchain needs langchain-core: pip install 'rapidembed[langchain]'") from error

from rapidembed_langchain.embeddings import FastEmbedEmbeddings
from rapidembed_langchain.fusion import FastEmbedFusionRetriever
from rapidembed_langchain.image import FastEmbedImageEmbeddings
from rapidembed_langchain.rerank import FastEmbedColbertRerank, FastEmbedCrossEncoder, FastEmbedRerank
from rapidembed_langchain.sparse import FastEmbedSparse, SparseVector
from rapidembed_langchain.splitter import FastEmbedTextSplitter

__all__ = [
    "FastEmbedColbertRerank",
    "FastEmbedCrossEncoder",
    "FastEmbedEmbeddings",
    "FastEmbedFusionRetriever",
    "FastEmbedImageEmbeddings",
    "FastEmbedRerank",
    "FastEmbedSparse",
    "FastEmbedTextSplitter",
    "SparseVector",
]
