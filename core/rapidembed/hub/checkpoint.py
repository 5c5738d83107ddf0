"""A model whose files are on this machine."""

from dataclasses import dataclass
from pathlib import Path

from rapidembed.errors import IntegrityError
from rapidembed.registry import ModelSpec

Stamp = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A local folder, what model it holds, and which of its weights to run."""

    spec: ModelSpec
    root: Path
    weights: str
    """The weight file inside ``root``: a ``.safetensors`` file, or an ``.onnx`` graph."""
    revision: str | None = None
    """Commit of the hub repository; None for folders and packages."""

    def stamp(self) -> Stamp:
        """Identity of the files that decide the vectors: a file that is saved again gets another."""
        modules = [f"{layer.path}/model.safetensors" for layer in self.spec.dense]
        files = [self.root / file for file in (self.weights, "config.json", "tokenizer.json", *modules)]
        states = [file.stat() for file in files if file.is_file()]
        return tuple((state.st_ino, state.st_size, state.st_mtime_ns) for state in states)

    def check(self, stamp: Stamp) -> None:
        """Compare the files with what they were when ``stamp`` was taken.

        Raises:
            IntegrityError: they were replaced since then.
        """
        if self.stamp() != stamp:
            raise IntegrityError(
                f"The files in {self.root} changed while {self.spec.name} was in use. "
                "Close the model and create it again."
            )

    @property
    def is_onnx(self) -> bool:
        """Whether a ready-made ONNX graph runs instead of one built from safetensors."""
        return self.weights.endswith(".onnx")
