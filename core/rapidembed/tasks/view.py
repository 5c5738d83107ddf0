"""How a surface that promises another library's results looks at the same models."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rapidembed.registry import ModelSpec


def _same(spec: "ModelSpec") -> "ModelSpec":
    return spec


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What is made of a model's facts, and which of its files run."""

    spec: "Callable[[ModelSpec], ModelSpec]" = _same
    """The facts to go by, from those of the checkpoint."""
    exported: bool = False
    """Whether the ONNX file that a row names runs, where a graph could be built from the original weights."""


AS_IT_IS = View()
