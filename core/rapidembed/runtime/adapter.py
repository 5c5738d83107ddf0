"""A small linear head over a model's finished vectors, which turns them towards one domain; kept in one file."""

import hashlib
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


@dataclass(frozen=True, slots=True, eq=False)
class Adapter:
    """Turns a vector x into ``x + (x @ down) @ up``.

    Attributes:
        down: float32 (dimensions, rank).
        up: float32 (rank, dimensions).
        sides: whose vectors it is for.
        model_name: the model it was trained over, for messages.
        weights: a hash of that model's weights; "": it is not known.
    """

    down: NDArray[np.float32]
    up: NDArray[np.float32]
    sides: Sides
    model_name: str = ""
    weights: str = ""

    @property
    def dimensions(self) -> int:
        """Of the vectors it takes and gives."""
        return len(self.down)

    def applies(self, role: str) -> bool:
        """Whether texts in the role "plain", "query" or "document" are turned; plain ones count as documents."""
        return self.sides == "both" or role == "query"

    def apply(self, vectors: Vectors) -> Vectors:
        """float32 (dimensions,) or (vectors, dimensions), as long as they become."""
        return np.asarray(vectors + (vectors @ self.down) @ self.up, dtype=np.float32)

    @property
    def digest(self) -> str:
        """32 hexadecimal digits over all that decides the vectors."""
        state = hashlib.sha256(f"{self.sides} {self.down.shape}".encode())
        for tensor in (self.down, self.up):
            state.update(np.ascontiguousarray(tensor).tobytes())
        return state.hexdigest()[:32]

    def check_fits(self, model_name: str, dimensions: int, weights: str) -> None:
        """Raise a ValueError unless it is for that model.

        Args:
            model_name: of the model.
            dimensions: of its vectors.
            weights: a hash of its weights.
        """
        if self.dimensions != dimensions:
            raise ValueError(
                f"adapter takes vectors of {self.dimensions} dimensions, those of {model_name} have {dimensions}."
            )
        if self.weights and self.weights != weights:
            raise ValueError(
                f"adapter was trained over {self.model_name or 'another model'}, whose weights are not those of "
                f"{model_name}. Train one for this model."
            )

    def save(self, path: "str | Path") -> None:
        """Write it as a safetensors file.

        Raises:
            OSError: the file cannot be written.
        """
        from safetensors.numpy import save

        facts = {"rapidembed.adapter": _FORMAT, "sides": self.sides}
        facts |= {"model_name": self.model_name, "weights": self.weights}
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
        return cls(
            tensors["down"],
            tensors["up"],
            cast("Sides", facts["sides"]),
            facts.get("model_name", ""),
            facts.get("weights", ""),
        )


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
