"""Vectors of length 1."""

import numpy as np

from rapidembed.types import Vectors

_SMALLEST_NORM = 1e-12


def unit_rows(vectors: Vectors) -> Vectors:
    """Each row divided by its length; a row of zeros stays one."""
    norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    return np.asarray(vectors / np.maximum(norms, _SMALLEST_NORM)[:, None])
