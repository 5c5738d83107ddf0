"""Rounding a matrix row by row of inputs, the error of those rounded made up for by those still to round.

GPTQ, Frantar et al. 2022, https://arxiv.org/abs/2210.17323, in the form of LDLQ, Chee et al. 2023,
https://arxiv.org/abs/2307.13304, which gives the same numbers without an inverse: what is kept small is the error of
the products with activations as they are, not that of the weights.
"""

import numpy as np
from numpy.typing import NDArray

_DAMPING = 0.1
"""Of the mean square of an activation. With it even observations of random tokens do no harm (MiniLM-L6)."""
_SMALLEST = np.float32(1e-12)
_BLOCK = 64


class Compensation:
    """For all matrices that the same activations are multiplied by.

    Args:
        gram: float32 (in, in), the products of the activations' channels, summed over tokens.
    """

    def __init__(self, gram: NDArray[np.float32]) -> None:
        squares = gram.diagonal()
        # The largest first: for them there are most channels left that can make up for the error.
        self._order = np.argsort(-squares, kind="stable")
        damped = gram[np.ix_(self._order, self._order)]
        damped[np.diag_indices_from(damped)] += max(_DAMPING * squares.mean(), _SMALLEST)
        # damped = upper @ upper.T; its columns over their last numbers say how an error is made up for.
        upper = np.linalg.cholesky(damped[::-1, ::-1])[::-1, ::-1]
        self._shares = upper / upper.diagonal()

    def round(self, matrix: NDArray[np.float32], most: int) -> NDArray[np.int8]:
        """Whole numbers from ``-most`` to ``most`` for a matrix in units of its steps, (in, out)."""
        wanted, shares = matrix[self._order], self._shares
        rounded = np.empty(matrix.shape, dtype=np.int8)
        errors = np.empty_like(wanted[:_BLOCK])
        for start in range(0, len(wanted), _BLOCK):
            stop = min(start + _BLOCK, len(wanted))
            for done, row in enumerate(range(start, stop)):
                makes_up = shares[start:row, row] @ errors[:done]
                nearest = np.clip(np.rint(wanted[row] + makes_up), -most, most)
                rounded[self._order[row]] = nearest
                errors[done] = matrix[self._order[row]] - nearest
            wanted[stop:] += shares[start:stop, stop:].T @ errors[: stop - start]
        return rounded
