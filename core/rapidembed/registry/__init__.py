"""What a model is: one frozen row of facts per model, curated or read from a checkpoint's own files."""

from rapidembed.registry.discovery import complete, discover, undeclared
from rapidembed.registry.spec import (
    DenseLayer,
    Hybrid,
    LateInteraction,
    ModelSpec,
    OnnxSource,
    Pooling,
    SparseWeights,
    WordWeights,
)
from rapidembed.registry.task import HYBRID, LATE_INTERACTION, RERANK, SPARSE, TASKS, TEXT, Task, register

__all__ = [
    "HYBRID",
    "LATE_INTERACTION",
    "RERANK",
    "SPARSE",
    "TASKS",
    "TEXT",
    "DenseLayer",
    "Hybrid",
    "LateInteraction",
    "ModelSpec",
    "OnnxSource",
    "Pooling",
    "SparseWeights",
    "Task",
    "WordWeights",
    "complete",
    "discover",
    "register",
    "undeclared",
]
