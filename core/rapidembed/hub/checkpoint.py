"""A model whose files are on this machine."""

from dataclasses import dataclass
from pathlib import Path

from rapidembed.registry import ModelSpec


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A local folder, what model it holds, and which of its weights to run."""

    spec: ModelSpec
    root: Path
    weights: str
    """The weight file inside ``root``: a ``.safetensors`` file, or an ``.onnx`` graph."""
    revision: str | None = None
    """Commit of the hub repository; None for folders and packages."""

    @property
    def is_onnx(self) -> bool:
        """Whether a ready-made ONNX graph runs instead of one built from safetensors."""
        return self.weights.endswith(".onnx")
