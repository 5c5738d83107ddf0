"""Weights of 8 bits: what is made of a checkpoint's tensors once, and how.

A channel of activations that gets large would take the range of its whole row. Such channels are divided by the root of
how large they get, and the weights multiplied (SmoothQuant, Xiao et al. 2022, https://arxiv.org/abs/2211.10438).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rapidembed.graph.weights import Weights

_SMALLEST = np.float32(1e-12)
_LEAST_SMOOTHING = 1e-2


@dataclass(frozen=True, slots=True)
class Rounded:
    """A matrix, or some of its rows, that a graph takes as integers."""

    source: str
    """The tensor's name in the checkpoint, (out, in)."""
    start: int
    stop: int
    """Which of its rows."""
    smoothed: str | None
    """Name of the observation whose channels are smoothed, see :class:`rapidembed.graph.linears.Observing`."""

    @property
    def matrix(self) -> str:
        """Name of the integers, int8 (in, rows)."""
        return f"{self._rows}.int8"

    @property
    def names(self) -> set[str]:
        """Names of all that it is given as."""
        return {self.matrix, self.scales} | ({divisors(self.smoothed)} if self.smoothed else set())

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


def round_weights(
    weights: Weights, rounded: Sequence[Rounded], observed: Mapping[str, NDArray[np.float32]], *, bits: int
) -> dict[str, NDArray[Any]]:
    """Every tensor that a graph with rounded weights is given, by name.

    Args:
        weights: the checkpoint's tensors.
        rounded: which of them are rounded.
        observed: largest magnitude of each channel, by name of observation.
        bits: of the integers; with 7 the sum of two products of 8-bit numbers fits into 16 bits.
    """
    smoothing = {name: _smoothing(largest) for name, largest in observed.items()}
    made: dict[str, NDArray[Any]] = {divisors(name): 1 / factor for name, factor in smoothing.items()}
    for entry in rounded:
        rows = weights.float32(entry.source)[entry.start : entry.stop]
        if entry.smoothed is not None:
            rows = rows * smoothing[entry.smoothed]
        made[entry.matrix], made[entry.scales] = _round(rows, 2 ** (bits - 1) - 1)
    return made


def _smoothing(largest: NDArray[np.float32]) -> NDArray[np.float32]:
    typical = np.maximum(np.median(largest), _SMALLEST)
    return np.asarray(np.maximum(np.sqrt(largest / typical), _LEAST_SMOOTHING), dtype=np.float32)


def _round(rows: NDArray[np.float32], most: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Each row in steps of its own: int8 (in, rows), and the steps."""
    steps = np.maximum(np.abs(rows).max(axis=1) / most, _SMALLEST)
    return np.ascontiguousarray(np.rint(rows / steps[:, None]).astype(np.int8).T), steps
