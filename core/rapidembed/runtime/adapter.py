"""A small linear head over a model's finished vectors, which turns them towards one domain; kept in one file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast, get_args

import numpy as np
from numpy.typing import NDArray

from rapidembed.errors import IntegrityError
from rapidembed.types import Vectors

Sides: TypeAlias = Literal["query", "both"]
"""Whose vectors are turned: those of queries only, so that an index stays as it is, or those of documents too."""

_FORMAT = "1"
_SMALLEST_NORM = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Adapter:
    """Turns a vector x into ``x + (x @ down) @ up``, scaled to length 1.

    Attributes:
        down: float32 (dimensions, rank).
        up: float32 (rank, dimensions).
        sides: whose vectors it is for.
        model_name: the model it was trained over, for messages.
    """

    down: NDArray[np.float32]
    up: NDArray[np.float32]
    sides: Sides
    model_name: str

    @property
    def dimensions(self) -> int:
        """Of the vectors it takes and gives."""
        return len(self.down)

    def applies(self, role: str) -> bool:
        """Whether texts in the role "plain", "query" or "document" are turned; plain ones count as documents."""
        return self.sides == "both" or role == "query"

    def apply(self, vectors: Vectors) -> Vectors:
        """float32 (dimensions,) or (vectors, dimensions), each of length 1."""
        turned = vectors + (vectors @ self.down) @ self.up
        norms = np.sqrt((turned * turned).sum(axis=-1, keepdims=True))
        return np.asarray(turned / np.maximum(norms, _SMALLEST_NORM), dtype=np.float32)

    def save(self, path: "str | Path") -> None:
        """Write it as a safetensors file.

        Raises:
            OSError: the file cannot be written.
        """
        from safetensors.numpy import save

        facts = {"rapidembed.adapter": _FORMAT, "sides": self.sides, "model_name": self.model_name}
        tensors = {"down": np.ascontiguousarray(self.down), "up": np.ascontiguousarray(self.up)}
        Path(path).write_bytes(save(tensors, metadata=facts))

    @classmethod
    def load(cls, path: "str | Path") -> "Adapter":
        """Read a file that :meth:`save` wrote.

        Raises:
            FileNotFoundError: there is none.
            IntegrityError: it is something else, or damaged; names the file.
        """
        from safetensors import SafetensorError, safe_open

        if not Path(path).is_file():
            raise FileNotFoundError(f"No adapter at {path}; rapidembed.toolkit.adapt makes one.")
        try:
            with safe_open(str(path), framework="numpy") as file:
                facts: dict[str, str] = file.metadata() or {}
                tensors: dict[str, NDArray[Any]] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except SafetensorError as error:
            raise IntegrityError(f"{path} is no adapter: it cannot be read as safetensors.") from error
        _check(path, facts, tensors)
        return cls(tensors["down"], tensors["up"], cast("Sides", facts["sides"]), facts.get("model_name", ""))


def _check(path: "str | Path", facts: dict[str, str], tensors: dict[str, NDArray[Any]]) -> None:
    if facts.get("rapidembed.adapter") != _FORMAT:
        raise IntegrityError(f"{path} is no adapter of this version: its metadata says {facts or 'nothing'}.")
    if facts.get("sides") not in get_args(Sides):
        raise IntegrityError(f"{path}: sides must be one of {', '.join(get_args(Sides))}, got {facts.get('sides')!r}.")
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    if set(shapes) != {"down", "up"} or any(tensor.dtype != np.float32 for tensor in tensors.values()):
        raise IntegrityError(f"{path}: expected float32 tensors down and up, got {shapes}.")
    if len(shapes["down"]) != 2 or shapes["up"] != shapes["down"][::-1]:
        raise IntegrityError(f"{path}: down must be (dimensions, rank) and up (rank, dimensions), got {shapes}.")
    if not all(np.isfinite(tensor).all() for tensor in tensors.values()):
        raise IntegrityError(f"{path}: a tensor holds NaN or infinity.")
