"""What an encoder is made of, as data: for what computes it without a graph.

Names of tensors are without the checkpoint's prefix. An architecture that has a layout has the numbers of the graph
that it writes; both come from the same reading of config.json.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rapidembed.errors import UnsupportedModelError

Activation = Literal["erf", "tanh", "quick", "relu", "silu"]
"""GELU, its forms with a hyperbolic tangent and with a sigmoid, and others."""


HIDDEN = "hidden_state"
"""Input of a head's graph: what the encoder computes, float32 (batch, tokens, hidden)."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A linear layer by its tensors' name up to ``.weight``, or one of equal parts of it."""

    name: str
    part: int = 0
    parts: int = 1
    bias: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerLayout:
    """One layer: attention and an MLP, each with its norm."""

    qkv: tuple[Rows, ...]
    out: Rows
    up: tuple[Rows, ...]
    """One; of a gated MLP the gate and what it lets through."""
    down: Rows
    middle: str
    """The norm between attention and MLP."""
    last: str
    """The norm behind the MLP; where norms stand before, the one that the next layer begins with."""
    turns: int | None = None
    """Which of the layout's turns; None: none."""
    reach: int | None = None
    """How many positions tokens see to either side; None: all."""


@dataclass(frozen=True, slots=True)
class Relative:
    """A number for every head and distance, added to scores."""

    table: str
    """Name of the tensor (rows, heads)."""
    rows: NDArray[np.int64]
    """Of the distances from ``-reach`` to ``reach``, key minus query."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """An encoder."""

    hidden: int
    heads: int
    intermediate: int
    activation: Activation
    epsilon: float
    words: str
    """Name of the table."""
    positions: str | None = None
    types: str | None = None
    padding: int | None = None
    """Positions are counted from the one behind this token, over other tokens only; None: from 0."""
    embedding_norm: str
    projection: Rows | None = None
    """Of embeddings that are not as wide as the rest."""
    layers: tuple[LayerLayout, ...]
    prenorm: bool = False
    norm_bias: bool = True
    turns: tuple[NDArray[np.float32], ...] = ()
    """Of rotary positions, see :func:`rapidembed.graph.blocks.rotary.read_turns`."""
    relative: Relative | None = None
    slopes: NDArray[np.float32] | None = None
    """What a step of distance takes from each head's scores."""

    @property
    def gated(self) -> bool:
        """Whether MLPs have a gate."""
        return len(self.layers[0].up) > 1


def parts(names: tuple[str, ...], count: int, *, bias: bool) -> tuple[Rows, ...]:
    """So many linear layers, which are stored each by itself or all as one."""
    if len(names) == count:
        return tuple(Rows(name, bias=bias) for name in names)
    (name,) = names
    return tuple(Rows(name, part, count, bias) for part in range(count))


def refuse(what: str) -> UnsupportedModelError:
    """The error over something that a layout cannot tell."""
    return UnsupportedModelError(f"{what} cannot be computed without a graph.")
