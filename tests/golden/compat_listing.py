"""What fastembed's listings, signatures and errors look like, in JSON's types."""

import inspect
from types import ModuleType
from typing import Any

CLASSES = (
    "ImageEmbedding",
    "LateInteractionMultimodalEmbedding",
    "LateInteractionTextEmbedding",
    "SparseTextEmbedding",
    "TextEmbedding",
)


def listing(fastembed: ModuleType) -> dict[str, Any]:
    """By class: models without descriptions, and every method's parameters with their defaults."""
    classes = [getattr(fastembed, name) for name in CLASSES] + [fastembed.rerank.cross_encoder.TextCrossEncoder]
    return {
        kind.__name__: {
            "models": [{k: v for k, v in row.items() if k != "description"} for row in kind.list_supported_models()],
            "methods": {name: parameters(getattr(kind, name)) for name in methods(kind)},
        }
        for kind in classes
    }


def methods(kind: type) -> list[str]:
    """Names of the public methods, and the constructor's."""
    public = [name for name, value in inspect.getmembers(kind, callable) if not name.startswith("_")]
    return ["__init__", *(name for name in public if not name.startswith(("download", "decompress", "retrieve")))]


def parameters(method: Any) -> list[list[str]]:
    """Name, kind and default of each parameter."""
    return [
        [p.name, p.kind.name, "" if p.default is p.empty else str(getattr(p.default, "value", p.default))]
        for p in inspect.signature(method).parameters.values()
    ]
