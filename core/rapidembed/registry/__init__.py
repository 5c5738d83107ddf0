"""What a model is: one frozen row of facts per model, curated or read from a checkpoint's own files."""

from rapidembed.registry.catalog import dense_models, find_dense
from rapidembed.registry.discovery import discover
from rapidembed.registry.spec import DenseLayer, LateInteraction, ModelSpec, OnnxSource
from rapidembed.registry.task import LATE_INTERACTION, RERANK, TEXT, Task

__all__ = [
    "LATE_INTERACTION",
    "RERANK",
    "TEXT",
    "DenseLayer",
    "LateInteraction",
    "ModelSpec",
    "OnnxSource",
    "Task",
    "dense_models",
    "discover",
    "find_dense",
]
