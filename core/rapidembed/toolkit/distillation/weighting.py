"""From the teacher's vectors of single tokens to a first table, and from the fitted table to the one that is kept.

The first has fewer dimensions, and less weight for common tokens. The kept one lies between the two, which finds more
than either.
"""

import numpy as np
from numpy.typing import NDArray

from rapidembed.types import Vectors

SMOOTHING = 1e-3
"""The a of SIF, a / (a + p): Arora et al., 2017, "A simple but tough-to-beat baseline for sentence embeddings"."""
_ZIPF_SMOOTHING = 1e-4
_TINY = 1e-9

_LEARNED = 0.8
"""Share of the fitted table. Weights averaged with those from before are more robust: Wortsman et al., 2022, "Robust
fine-tuning of zero-shot models" (arXiv:2109.01903)."""
_DAMPING = 0.25
"""Power of the SIF weights that the kept table is multiplied with: fitting gives some weight back to common tokens."""


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
    """Smooth inverse frequency of each token, float32: 1 for tokens that never occur, near 0 for the most common.

    Args:
        counts: how often each token occurs.
    """
    return np.asarray(SMOOTHING / (SMOOTHING + counts / counts.sum()), dtype=np.float32)


def unfitted(tokens: Vectors, dimensions: int) -> Vectors:
    """The table where there are no texts to fit to: float32 (tokens, dimensions).

    How common a token is, is guessed: by Zipf's law over the ids, which vocabularies list from common to rare. What all
    tokens share is taken off, and the strongest directions are weakened (to the square root of their spread), for they
    say little about a text.

    Args:
        tokens: the teacher's vector of each token.
        dimensions: of the result.
    """
    frequencies = 1 / np.arange(2, len(tokens) + 2)
    frequencies /= frequencies.sum()
    centred = np.asarray(tokens - frequencies @ tokens, dtype=np.float32)
    table = centred @ principal_directions(centred, dimensions)
    spread = np.maximum(table.std(axis=0), np.float32(_TINY))
    weights = _ZIPF_SMOOTHING / (_ZIPF_SMOOTHING + frequencies)
    return np.asarray(table / np.sqrt(spread) * weights[:, None], dtype=np.float32)


def settle(fitted: Vectors, first: Vectors, counts: NDArray[np.int64]) -> Vectors:
    """The table that is kept: float32 (tokens, dim).

    Args:
        fitted: the table after fitting. It has lengths of its own, for only directions were learned.
        first: the table before fitting, whose vectors are those of tokens that no text had.
        counts: how often each token occurs in the texts.
    """
    longer, shorter = (counts @ np.linalg.norm(table, axis=1) for table in (fitted, first))
    scaled = first * np.float32(longer / shorter)
    learned = np.where(counts > 0, np.float32(_LEARNED), np.float32(0))[:, None]
    mixed = learned * fitted + (1 - learned) * scaled
    return np.asarray(mixed * sif_weights(counts)[:, None] ** np.float32(_DAMPING))
