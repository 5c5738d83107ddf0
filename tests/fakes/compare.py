"""Results against what they should be."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def close(found: Sequence[Any], expected: Sequence[Any], tolerance: float) -> None:
    """Each of the float32 arrays found is the expected one, but for the tolerance, absolute and relative."""
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert np.asarray(one).dtype == np.float32
        np.testing.assert_allclose(one, other, atol=tolerance, rtol=tolerance)
