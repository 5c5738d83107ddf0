"""Weights of 8 bits: what is made of a checkpoint's tensors once, and how.

A channel of activations that is large would take the range of its whole row. Such channels are divided by the root of
how large they are, and the weights multiplied (SmoothQuant, Xiao et al. 2022, https://arxiv.org/abs/2211.10438).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rapidembed.errors import NonFiniteError
from rapidembed.graph.built import Rounded, divisors
from rapidembed.graph.numbers.compensation import Compensation
from rapidembed.graph.weights import Weights

_SMALLEST = np.float32(1e-12)
_LEAST_SMOOTHING = 1e-2


def round_weights(
    weights: Weights,
    rounded: Sequence[Rounded],
    observations: Iterable[tuple[str, NDArray[np.float32]]],
    *,
    bits: int,
) -> dict[str, NDArray[Any]]:
    """Every tensor that a graph with rounded weights is given, by name.

    Args:
        weights: the checkpoint's tensors.
        rounded: which of them are rounded.
        observations: products of each activation's channels, (in, in), summed over tokens; by name, one at a time.
        bits: of the integers; with 7 the sum of two products of 8-bit numbers fits into 16 bits.

    Raises:
        NonFiniteError: a weight is NaN or infinity.
    """
    made: dict[str, NDArray[Any]] = {}
    entries: dict[str, set[Rounded]] = defaultdict(set)
    for entry in rounded:
        entries[entry.observation].add(entry)
    for name, gram in observations:
        smooth = smoothing(np.sqrt(gram.diagonal()))
        if any(entry.smoothed for entry in entries[name]):
            made[divisors(name)] = 1 / smooth
            gram = gram / np.outer(smooth, smooth)
        compensation = Compensation(gram)
        for entry in entries[name]:
            rows = weights.float32(entry.source)[entry.start : entry.stop]
            if entry.smoothed:
                rows = rows * smooth
            most = 2 ** (bits - 1) - 1
            steps = np.maximum(np.abs(rows).max(axis=1) / most, _SMALLEST)
            if not np.isfinite(steps).all():
                raise NonFiniteError(f"{entry.source} holds NaN or infinity, for which no integer stands.")
            made[entry.matrix] = compensation.round(np.ascontiguousarray(rows.T) / steps, most)
            made[entry.scales] = steps
    return made


def smoothing(sizes: NDArray[np.float32]) -> NDArray[np.float32]:
    """What weights are multiplied by for activations whose channels are of these sizes."""
    typical = np.maximum(np.median(sizes), _SMALLEST)
    return np.asarray(np.maximum(np.sqrt(sizes / typical), _LEAST_SMOOTHING), dtype=np.float32)
