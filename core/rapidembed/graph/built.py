"""What a builder may know of a model, and what it hands over."""

from dataclasses import dataclass, field
from typing import Literal

from rapidembed.names import HeadName
from rapidembed.registry import Layer, ModelSpec, Pooling, SparseWeights
from rapidembed.registry.heads import HEADS

Numbers = Literal["exact", "rounded", "observed"]
"""What weight matrices are multiplied in: float32, 8-bit integers, or float32 with observations for rounding."""


Extent = Literal["first", "whole", "head"]
"""What a graph computes of an encoder: of the last layer the first token only, where nothing else is needed; all tokens
in any case; nothing, for it takes the hidden state as an input and is the head alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphSpec:
    """All that a builder may read of a model's spec; its ``repr`` is a part of the key that graphs are kept under."""

    head: HeadName
    dim: int
    pooling: Pooling
    dense: tuple[Layer, ...]
    sparse: SparseWeights | None
    hides_tokens: bool
    include_prompt: bool
    adapted: bool
    """Whether every run chooses an adapter."""
    picture_size: tuple[int, int] | None = None
    """(height, width) of pictures, as their processor makes them; None: as config.json says."""

    @property
    def first_only(self) -> bool:
        """Whether nothing but the first token's hidden state is needed."""
        pools_first = self.head in ("pool", "picture") and self.pooling == ("cls",) and self.include_prompt
        return HEADS[self.head].first_only or pools_first

    @classmethod
    def of(cls, spec: ModelSpec) -> "GraphSpec":
        """The part of a model's spec that shapes its graph."""
        return cls(
            head=spec.head,
            dim=spec.dim,
            pooling=spec.pooling,
            dense=spec.dense,
            sparse=spec.sparse,
            hides_tokens=spec.hides_tokens,
            include_prompt=spec.include_prompt,
            adapted=bool(spec.tasks),
            picture_size=spec.picture.size if spec.picture else None,
        )


@dataclass(frozen=True, slots=True)
class Rounded:
    """A matrix, or some of its rows, that a graph takes as integers, and the names of what is made of it."""

    source: str
    """The tensor's name in the checkpoint, (out, in)."""
    start: int
    stop: int
    """Which of its rows."""
    observation: str
    """Name of what was observed of the activation, see :class:`rapidembed.graph.linears.ObservedLinears`."""
    smoothed: bool
    """Whether the activation's channels are."""

    @property
    def matrix(self) -> str:
        """Name of the integers, int8 (in, rows)."""
        return f"{self._rows}.int8"

    @property
    def names(self) -> set[str]:
        """Names of all that it is given as."""
        return {self.matrix, self.scales} | ({divisors(self.observation)} if self.smoothed else set())

    @property
    def scales(self) -> str:
        """Name of what a column of integers is worth, float32 (rows,)."""
        return f"{self._rows}.scales"

    @property
    def _rows(self) -> str:
        # Layers that share a matrix may differ in what they multiply it by.
        return f"{self.source}[{self.start}:{self.stop}]{'.smoothed' if self.smoothed else ''}"


def divisors(observation: str) -> str:
    """Name of what the channels of an observed activation are multiplied by, float32 (in,)."""
    return f"{observation}.smoothing"


@dataclass(frozen=True, slots=True)
class BuiltGraph:
    """A serialized ONNX model that points into the checkpoint's files, and the tensors it needs beyond them."""

    model: bytes
    converted: tuple[str, ...]
    """Names of tensors that are not stored as float32: the session is given their values once."""
    tables: tuple[str, ...]
    """Names of tensors that every run is given, as inputs of the same names."""
    rounded: tuple[Rounded, ...] = ()
    """Matrices that the session is given as integers, see :func:`rapidembed.graph.numbers.rounding.round_weights`."""
    observed: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Outputs and their width by name of the observation, see :class:`rapidembed.graph.linears.ObservedLinears`."""
