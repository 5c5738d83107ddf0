"""What a model is: one frozen row of facts per model, curated or read from a checkpoint's own files."""

from rapidembed.registry.discovery import complete, discover, undeclared
from rapidembed.registry.image_processor import ImageProcessor
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
