"""What a user does around models: distil them, join rankings, compare and compress sets of vectors."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rapidembed.toolkit.distillation import Distillation, distil

__all__ = ["Distillation", "distil"]


def __getattr__(name: str) -> object:
    # Loads ONNX Runtime, which other tools do without.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from rapidembed.toolkit import distillation

    return getattr(distillation, name)
