"""Relative positions: how far a key stands behind its query, as a number of a table's row."""

import numpy as np
from numpy.typing import NDArray

from rapidembed.graph.blocks import basic
from rapidembed.graph.writer import GraphWriter

_EXACT = 8
_ONE_SIDE = 16


def t5_buckets(distances: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows for distances (key's position minus query's) as T5 counts them: 16 to each side, up to 8 one by one.

    Beyond, every second row begins at twice the distance; the last is for all from 91 on. See
    https://arxiv.org/abs/1910.10683, section 2.1.
    """
    far = np.abs(distances)
    # Squared, the limits are whole numbers: 8 * 2 ** (step / 2).
    limits = _EXACT**2 * 2 ** np.arange(1, _ONE_SIDE - _EXACT)
    rows = np.where(far < _EXACT, far, _EXACT + np.searchsorted(limits, far**2, side="right"))
    return np.asarray(rows + _ONE_SIDE * (distances > 0), dtype=np.int64)


def log_buckets(distances: NDArray[np.int64], buckets: int, farthest: int) -> NDArray[np.int64]:
    """Distances as DeBERTa counts them: one by one up to half of the buckets, then in logarithmic steps."""
    near = buckets // 2
    far = np.maximum(np.abs(distances), near)
    steps = np.ceil(np.log(far / near) / np.log((farthest - 1) / near) * (near - 1)).astype(np.int64)
    return np.where(np.abs(distances) <= near, distances, np.sign(distances) * (near + steps))


def matrix(writer: GraphWriter, by_distance: str, count: str, zero: int) -> str:
    """A value for every pair of tokens from one for every distance.

    Args:
        by_distance: (heads, distances).
        count: number of tokens, a 1-D int64 value of one element.
        zero: where the distance 0 stands.

    Returns:
        (1, heads, tokens, tokens), queries first.
    """
    positions = basic.positions(writer, count)
    keys, queries = (writer.node("Unsqueeze", positions, writer.ints(axis)) for axis in (0, 1))
    places = writer.node("Add", writer.node("Sub", keys, queries), writer.ints(zero))
    return writer.node("Unsqueeze", writer.node("Gather", by_distance, places, axis=1), writer.ints(0))


def moved(writer: GraphWriter, by_distance: str, count: str) -> str:
    """A value for every pair of tokens from those of each token for all distances.

    Args:
        by_distance: (batch, heads, tokens, 2 x tokens), for distances from 1 - tokens on.
        count: number of tokens, a 1-D int64 value of one element.

    Returns:
        (batch, heads, tokens, tokens): row i, column j is the value of token i for the distance j - i.
    """
    # Read as rows one shorter, beginning with the first row's distance 0, every row begins one distance earlier.
    flat = writer.node("Reshape", by_distance, writer.ints(0, 0, -1))
    start = writer.node("Sub", count, writer.ints(1))
    flat = writer.node("Slice", flat, start, writer.ints(-1), writer.ints(2))
    shape = writer.node("Concat", writer.ints(0, 0), count, writer.ints(-1), axis=0)
    return writer.node("Slice", writer.node("Reshape", flat, shape), writer.ints(0), count, writer.ints(3))


def first_row(writer: GraphWriter, by_distance: str, count: str, zero: int) -> str:
    """What :func:`matrix` gives for the first token as query: (1, heads, 1, tokens)."""
    end = writer.node("Add", count, writer.ints(zero))
    row = writer.node("Slice", by_distance, writer.ints(zero), end, writer.ints(1))
    return writer.node("Unsqueeze", row, writer.ints(0, 2))
