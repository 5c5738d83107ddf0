"""fastembed's names, modules, signatures and values over rapidembed's engine.

>>> from rapidembed.compat import SparseTextEmbedding  # instead of: from fastembed import ...
>>> model = SparseTextEmbedding("Qdrant/bm25")
>>> next(model.embed("The cat sat on the mat.")).values.dtype
dtype('float64')

Vectors, scores and token counts are those that fastembed computes for the same name: its token limits, no prompts, its
normalization. What it accepts and ignores is accepted and ignored; :mod:`rapidembed` itself stays strict. Beside
fastembed's names there is :func:`install_as_fastembed`, after which ``import fastembed`` finds this package.
"""

from rapidembed.compat.image import ImageEmbedding
from rapidembed.compat.install import VERSION, install_as_fastembed
from rapidembed.compat.late_interaction import LateInteractionTextEmbedding
from rapidembed.compat.late_interaction_multimodal import LateInteractionMultimodalEmbedding
from rapidembed.compat.sparse import SparseEmbedding, SparseTextEmbedding
from rapidembed.compat.text import TextEmbedding

version = __version__ = VERSION
__all__ = [
    "ImageEmbedding",
    "LateInteractionMultimodalEmbedding",
    "LateInteractionTextEmbedding",
    "SparseEmbedding",
    "SparseTextEmbedding",
    "TextEmbedding",
    "install_as_fastembed",
]
