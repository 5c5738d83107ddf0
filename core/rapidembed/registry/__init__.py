"""What a model is: one frozen row of facts per model, curated or read from a checkpoint's own files."""

from rapidembed.registry.discovery import complete, discover, read_modules, undeclared
from rapidembed.registry.spec import DenseLayer, LateInteraction, ModelSpec, OnnxSource, Pooling
from rapidembed.registry.task import LATE_INTERACTION, RERANK, TEXT, Task

__all__ = [
    "LATE_INTERACTION",
    "RERANK",
    "TEXT",
    "DenseLayer",
    "LateInteraction",
    "ModelSpec",
    "OnnxSource",
    "Pooling",
    "Task",
    "complete",
    "discover",
    "read_modules",
    "undeclared",
]
