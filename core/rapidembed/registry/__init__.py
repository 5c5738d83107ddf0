"""What a model is: one frozen row of facts per model, curated or read from a checkpoint's own files."""

from rapidembed.registry.catalog import dense_models, find_dense, is_curated
from rapidembed.registry.custom import models as custom_models
from rapidembed.registry.discovery import complete, discover, read_modules, undeclared
from rapidembed.registry.spec import DenseLayer, ModelSpec, OnnxSource, Pooling

__all__ = [
    "DenseLayer",
    "ModelSpec",
    "OnnxSource",
    "Pooling",
    "complete",
    "custom_models",
    "dense_models",
    "discover",
    "find_dense",
    "is_curated",
    "read_modules",
    "undeclared",
]
