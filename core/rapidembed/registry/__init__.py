"""What a model is: one frozen row of facts per model, curated or read from a checkpoint's own files."""

from typing import TYPE_CHECKING

from rapidembed.registry.discovery import complete, discover, undeclared
from rapidembed.registry.layer import DenseLayer, Layer, NormLayer, UnitLayer
from rapidembed.registry.spec import (
    Hybrid,
    LateInteraction,
    ModelSpec,
    OnnxSource,
    Pooling,
    SparseWeights,
    WordWeights,
)
from rapidembed.registry.task import (
    HYBRID,
    IMAGE,
    LATE_INTERACTION,
    MULTIMODAL,
    RERANK,
    SPARSE,
    TASKS,
    TEXT,
    Task,
    register,
)

if TYPE_CHECKING:
    from rapidembed.registry.image_processor import ImageProcessor as ImageProcessor

__all__ = [
    "HYBRID",
    "IMAGE",
    "LATE_INTERACTION",
    "MULTIMODAL",
    "RERANK",
    "SPARSE",
    "TASKS",
    "TEXT",
    "DenseLayer",
    "Hybrid",
    "ImageProcessor",
    "LateInteraction",
    "Layer",
    "ModelSpec",
    "NormLayer",
    "OnnxSource",
    "Pooling",
    "SparseWeights",
    "Task",
    "UnitLayer",
    "WordWeights",
    "complete",
    "discover",
    "register",
    "undeclared",
]


def __getattr__(name: str) -> object:
    if name != "ImageProcessor":  # which models of texts do without
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from rapidembed.registry.image_processor import ImageProcessor

    return ImageProcessor
