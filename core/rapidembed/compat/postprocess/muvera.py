"""fastembed's Muvera: in double precision."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rapidembed.toolkit.muvera import Muvera as _Muvera


class Muvera(_Muvera):
    """Sets of vectors as one vector each, float64; see :class:`rapidembed.toolkit.muvera.Muvera`.

    Raises:
        AssertionError: vectors are of another width, as in fastembed.
        ValueError: a set of vectors is empty.
    """

    _numbers = np.float64

    def _check(self, index: int, vectors: NDArray[Any]) -> NDArray[Any]:
        if vectors.shape[1] != self.dim:
            raise AssertionError(f"Expected vectors of shape (n, {self.dim}), got {vectors.shape}.")
        return super()._check(index, vectors)
