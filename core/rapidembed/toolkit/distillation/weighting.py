"""From the teacher's vectors of single tokens to a first table: fewer dimensions, and less weight for common tokens."""

import numpy as np
from numpy.typing import NDArray

from rapidembed.types import Vectors

SMOOTHING = 1e-3
"""The a of SIF, a / (a + p): Arora et al., 2017, "A simple but tough-to-beat baseline for sentence embeddings"."""


def principal_directions(vectors: Vectors, dimensions: int) -> Vectors:
    """The directions that keep the most of the vectors' dot products: float32 (width, dimensions), orthonormal.

    The mean is not taken off, since it takes part in cosines. Signs are fixed, so the result is the same on every
    machine up to rounding.
    """
    _, directions = np.linalg.eigh(vectors.T.astype(np.float64) @ vectors)
    kept = directions[:, ::-1][:, :dimensions]
    largest = kept[np.abs(kept).argmax(axis=0), np.arange(dimensions)]
    return np.asarray(kept * np.sign(largest), dtype=np.float32)


def sif_weights(counts: NDArray[np.int64]) -> NDArray[np.float32]:
    """Smooth inverse frequency of each token: 1 for tokens that never occur, near 0 for the most common.

    Args:
        counts: how often each token occurs. Where nothing was counted, frequencies follow Zipf's law over the ids,
            which vocabularies list from common to rare.
    """
    frequencies = counts if counts.any() else 1 / np.arange(2, len(counts) + 2)
    return np.asarray(SMOOTHING / (SMOOTHING + frequencies / frequencies.sum()), dtype=np.float32)
