"""Vectors of length 1."""

import numpy as np

from rapidembed.types import Vectors

_SMALLEST_NORM = 1e-12


def unit_rows(vectors: Vectors) -> Vectors:
    """Each row divided by its length; a row of zeros stays one."""
    return scaled(vectors)[0]


def scaled(vectors: Vectors) -> tuple[Vectors, Vectors]:
    """Each row divided by its length, and the lengths, (rows, 1)."""
    norms = np.maximum(np.sqrt(np.einsum("ij,ij->i", vectors, vectors)), _SMALLEST_NORM)[:, None]
    return np.asarray(vectors / norms), norms
