"""rapidembed for LlamaIndex: ``from rapidembed_llamaindex import FastEmbedEmbedding, FastEmbedSparseEmbedding``."""

try:
    import llama_index.core  # noqa: F401
except ImportError as error:
    raise ImportError("rapidembed_llamaindex needs llama-index-core: pip install 'rapidembed[llamaindex]'") from error

from rapidembed_llamaindex.embedding import FastEmbedEmbedding
from rapidembed_llamaindex.fusion import FastEmbedFusionRetriever
from rapidembed_llamaindex.multimodal import FastEmbedMultiModalEmbedding
from rapidembed_llamaindex.postprocessor import FastEmbedColbertRerank, FastEmbedRerank
from rapidembed_llamaindex.sparse import FastEmbedSparseEmbedding
from rapidembed_llamaindex.splitter import FastEmbedNodeParser

__all__ = [
    "FastEmbedColbertRerank",
    "FastEmbedEmbedding",
    "FastEmbedFusionRetriever",
    "FastEmbedMultiModalEmbedding",
    "FastEmbedNodeParser",
    "FastEmbedRerank",
    "FastEmbedSparseEmbedding",
]
