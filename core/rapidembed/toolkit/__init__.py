"""What a user does around models: distil, adapt, evaluate and calibrate them, join rankings, compress vectors."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rapidembed.toolkit.adaptation import Adaptation, adapt, fit_adapter
    from rapidembed.toolkit.distillation import Distillation, distil

_HOMES = {
    "Adaptation": "adaptation",
    "Distillation": "distillation",
    "adapt": "adaptation",
    "distil": "distillation",
    "fit_adapter": "adaptation",
}
__all__ = ["Adaptation", "Distillation", "adapt", "distil", "fit_adapter"]


def __getattr__(name: str) -> object:
    # Some load ONNX Runtime, which others do without.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"rapidembed.toolkit.{_HOMES[name]}"), name)
