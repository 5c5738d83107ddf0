"""What a model is: one frozen row of facts per model, curated or read from a checkpoint's own files."""

from rapidembed.registry.discovery import complete, discover, undeclared
from rapidembed.registry.spec import (
    DenseLayer,
    LateInteraction,
    ModelSpec,
    OnnxSource,
    Pooling,
    SparseWeights,
    WordWeights,
)
from rapidembed.registry.task import LATE_INTERACTION, RERANK, SPARSE, TEXT, Task

__all__ = [
    "LATE_INTERACTION",
    "RERANK",
    "SPARSE",
    "TEXT",
    "DenseLayer",
    "LateInteraction",
    "ModelSpec",
    "OnnxSource",
    "Pooling",
    "SparseWeights",
    "Task",
    "WordWeights",
    "complete",
    "discover",
    "undeclared",
]
