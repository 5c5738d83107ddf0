"""Results against what they should be."""

import mmap
from typing import Any

import numpy as np
from rapidembed import SparseEmbedding


def close(found: Any, expected: Any, tolerance: float = 1e-6, relative: float | None = None) -> None:
    """Require results, alone or in lists of lists, to be the expected ones but for the tolerance.

    Arrays are float32, and near absolutely to ``tolerance`` and relatively to ``relative``, or else to the same.
    Sparse embeddings hold the very same indices; a dict from index to weight may say which.
    """
    if isinstance(found, SparseEmbedding):
        _same_indices(found, expected)
        close(found.values, _values(found, expected), tolerance, relative)
    elif isinstance(found, list | tuple):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            close(one, other, tolerance, relative)
    else:
        assert np.shape(found) == np.shape(expected)
        assert not isinstance(found, np.ndarray) or found.dtype == np.float32
        relative = tolerance if relative is None else relative
        np.testing.assert_allclose(found, expected, atol=tolerance, rtol=relative)


def _same_indices(found: SparseEmbedding, expected: Any) -> None:
    assert found.indices.dtype == np.int64
    wanted = sorted(map(int, expected)) if isinstance(expected, dict) else expected.indices.tolist()
    assert found.indices.tolist() == wanted


def _values(found: SparseEmbedding, expected: Any) -> Any:
    return [expected[str(index)] for index in found.indices] if isinstance(expected, dict) else expected.values


def is_mapped(array: object) -> bool:
    """Whether an array's numbers lie in a file."""
    while array is not None and not isinstance(array, mmap.mmap):
        array = getattr(array, "base", None) if not isinstance(array, memoryview) else array.obj
    return array is not None
