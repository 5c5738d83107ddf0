"""A change of vectors as two factors whose file stays small."""

import numpy as np

from rapidembed.types import Vectors

_LARGEST_FILE = 1_000_000
_HEADER = 1_000
_NUMBER = 4
_SPARE = 10
"""Further directions that the approximation looks at."""


def rank_of(dimensions: int) -> int:
    """The largest rank whose factors stay below a megabyte; all dimensions up to 353."""
    return min(dimensions, (_LARGEST_FILE - _HEADER) // (2 * _NUMBER * dimensions))


def factors(change: Vectors) -> tuple[Vectors, Vectors]:
    """Down (dim, rank) and up (rank, dim), whose product is ``change``, or near it where it has more than the rank.

    Halko, Martinsson and Tropp, "Finding Structure with Randomness" (SIAM Review 2011), with one power iteration.
    """
    dimensions = len(change)
    rank = rank_of(dimensions)
    if rank == dimensions:
        return np.eye(dimensions, dtype=np.float32), change
    probes = np.random.default_rng(0).standard_normal((dimensions, min(dimensions, rank + _SPARE)), dtype=np.float32)
    basis = np.linalg.qr(change @ (change.T @ (change @ probes)))[0]
    left, values, right = np.linalg.svd(basis.T @ change, full_matrices=False)
    down = (basis @ left[:, :rank]) * values[:rank]
    return np.ascontiguousarray(down, dtype=np.float32), np.ascontiguousarray(right[:rank], dtype=np.float32)


def kept(matrix: Vectors) -> Vectors:
    """What is left of a matrix near the identity when its change is kept as :func:`factors`."""
    if rank_of(len(matrix)) == len(matrix):
        return matrix
    identity = np.eye(len(matrix), dtype=np.float32)
    down, up = factors(matrix - identity)
    return np.asarray(identity + down @ up)
