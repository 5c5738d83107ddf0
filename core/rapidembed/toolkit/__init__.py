"""What a user does around models: distil, adapt, evaluate and calibrate them, join rankings, compress vectors."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rapidembed.toolkit.adaptation import Adaptation, adapt, fit_adapter
    from rapidembed.toolkit.calibration import Calibration, calibrate, calibrate_background
    from rapidembed.toolkit.distillation import Distillation, distil
    from rapidembed.toolkit.evaluation import evaluate
    from rapidembed.toolkit.vectors import PackedIndex, quantize

_HOMES = {
    "adaptation": ("Adaptation", "adapt", "fit_adapter"),
    "calibration": ("Calibration", "calibrate", "calibrate_background"),
    "distillation": ("Distillation", "distil"),
    "evaluation": ("evaluate",),
    "vectors": ("PackedIndex", "quantize"),
}
__all__ = [
    "Adaptation",
    "Calibration",
    "Distillation",
    "PackedIndex",
    "adapt",
    "calibrate",
    "calibrate_background",
    "distil",
    "evaluate",
    "fit_adapter",
    "quantize",
]


def __getattr__(name: str) -> object:
    # Some load ONNX Runtime, which others do without.
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"rapidembed.toolkit.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
