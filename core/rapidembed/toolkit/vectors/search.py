"""Exact search over packed vectors, with numpy: for sets that need no database, up to some hundred thousand."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rapidembed.runtime.inputs import check_positive
from rapidembed.tasks.quantize import (
    Codes,
    Ranges,
    VectorPrecision,
    as_bits,
    check_precision,
    check_vectors,
    cut,
    quantize,
    restore,
)
from rapidembed.types import Vectors

_ROWS = 8_192
"""Vectors that are unpacked at a time."""
_QUERIES = 64
_BITS = np.array([number.bit_count() for number in range(256)], dtype=np.uint8)

Ids = NDArray[np.int64]


class PackedIndex:
    """Vectors in fewer bytes, and the nearest of them to a query.

    Queries stay in float32, so that only documents lose by being packed. Of signs, the ones with the fewest that differ
    from the query's are found first; the products of the query with the signs themselves, or better with ``originals``,
    then decide on the order. These may lie on a disk, and are read only where they are candidates.

    Example:
        >>> import numpy as np
        >>> from rapidembed.toolkit.vectors import PackedIndex
        >>> vectors = np.array([[0.6, 0.8], [1.0, 0.0], [0.0, -1.0]], dtype=np.float32)
        >>> index = PackedIndex.of(vectors, "int8")
        >>> ids, scores = index.search(np.array([[0.0, 1.0]], dtype=np.float32), k=2)
        >>> ids
        array([[0, 1]])

    Args:
        codes: (vectors, ...), as :func:`rapidembed.toolkit.vectors.quantize` makes them.
        precision: that they are in.
        dimensions: of the vectors.
        ranges: that they were made with; for 8 bits.
        originals: int8 (with ``ranges``) or float32 (vectors, dimensions), to decide on the order of candidates, for
            example an ``np.load(..., mmap_mode="r")``; for 1 bit.

    Raises:
        ValueError: shapes do not fit.
    """

    def __init__(
        self,
        codes: Codes,
        precision: VectorPrecision,
        dimensions: int,
        *,
        ranges: Ranges | None = None,
        originals: Codes | None = None,
    ) -> None:
        check_precision(precision)
        self.codes, self.precision, self.dimensions = codes, precision, check_positive("dimensions", dimensions)
        self.ranges, self.originals = ranges, originals
        width = -(-dimensions // 8) if self.is_binary else dimensions
        if codes.ndim != 2 or codes.shape[1] != width:
            raise ValueError(f"codes must be (vectors, {width}) for {dimensions} dimensions, got {codes.shape}.")
        if precision in ("int8", "uint8") and ranges is None:
            raise ValueError(f"{precision} vectors are searched by the ranges that they were made with; give ranges.")
        if originals is not None and originals.shape != (len(codes), dimensions):
            raise ValueError(f"originals must be {(len(codes), dimensions)}, got {originals.shape}.")
        if originals is not None and originals.dtype == np.int8 and ranges is None:
            raise ValueError("originals in int8 need the ranges that they were made with; give ranges.")

    @classmethod
    def of(
        cls,
        vectors: Vectors,
        precision: VectorPrecision,
        *,
        dimensions: int | None = None,
        originals: bool = False,
    ) -> "PackedIndex":
        """Pack vectors, (vectors, dimensions), of length 1.

        Args:
            vectors: what is searched.
            precision: what to keep of them.
            dimensions: first keep only so many, see :func:`rapidembed.toolkit.vectors.quantize`.
            originals: of 1 bit: also keep int8, to decide on the order of candidates.
        """
        rows = check_vectors("vectors", vectors)
        rows = rows if dimensions is None else cut(rows, dimensions)
        binary = precision in ("binary", "ubinary")
        ranges = None if precision == "float32" or (binary and not originals) else Ranges.of(rows)
        kept = quantize(rows, "int8", ranges=ranges) if binary and originals else None
        codes = quantize(rows, precision, ranges=ranges)
        return cls(codes, precision, rows.shape[1], ranges=ranges, originals=kept)

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def is_binary(self) -> bool:
        """Whether vectors are signs."""
        return self.precision in ("binary", "ubinary")

    @property
    def nbytes(self) -> int:
        """Bytes of the packed vectors, which search goes through; ``originals`` are looked up only."""
        return int(self.codes.nbytes)

    def search(self, queries: Vectors, k: int = 10, *, rescore: int = 20) -> tuple[Ids, Vectors]:
        """The nearest vectors of each query.

        Args:
            queries: float32 (queries, dimensions); longer ones are cut, and scaled to length 1.
            k: how many; there are fewer where the index has fewer.
            rescore: of signs, how many times ``k`` candidates are looked at more closely.

        Returns:
            int64 (queries, k), their rows, nearest first; and float32 (queries, k), products.

        Raises:
            ValueError: an argument is impossible.
        """
        queries = check_vectors("queries", queries)
        if queries.shape[1] != self.dimensions:
            queries = cut(queries, self.dimensions)
        k = min(check_positive("k", k), len(self))
        candidates = min(len(self), k * check_positive("rescore", rescore)) if self.is_binary else k
        ids = np.empty((len(queries), k), dtype=np.int64)
        scores = np.empty((len(queries), k), dtype=np.float32)
        for start in range(0, len(queries), _QUERIES):
            rows = slice(start, start + _QUERIES)
            found, near = self._candidates(queries[rows], candidates)
            near = self._rescored(queries[rows], found) if self.is_binary else near
            order = np.argsort(-near, axis=1, kind="stable")[:, :k]
            ids[rows] = np.take_along_axis(found, order, axis=1)
            scores[rows] = np.take_along_axis(near, order, axis=1)
        return ids, scores

    def _candidates(self, queries: Vectors, count: int) -> tuple[Ids, Vectors]:
        """The ``count`` vectors of the highest scores, by rows, and the scores."""
        ids = np.empty((len(queries), 0), dtype=np.int64)
        best = np.empty((len(queries), 0), dtype=np.float32)
        for start, scores in self._scores(queries):
            rows = np.broadcast_to(np.arange(start, start + scores.shape[1]), scores.shape)
            ids, best = np.concatenate([ids, rows], axis=1), np.concatenate([best, scores], axis=1)
            if best.shape[1] > count:
                kept = np.sort(np.argpartition(-best, count - 1, axis=1)[:, :count], axis=1)
                ids, best = np.take_along_axis(ids, kept, axis=1), np.take_along_axis(best, kept, axis=1)
        return ids, best

    def _scores(self, queries: Vectors) -> Iterator[tuple[int, Vectors]]:
        """Scores of some vectors after the others, (queries, vectors), and the first one's row."""
        signs = np.packbits(queries > 0, axis=1) if self.is_binary else None
        for start in range(0, len(self), _ROWS):
            codes = self.codes[start : start + _ROWS]
            if signs is None:
                yield start, queries @ restore(codes, self.precision, ranges=self.ranges).T
            else:
                yield start, -hamming(signs, as_bits(codes)).astype(np.float32)

    def _rescored(self, queries: Vectors, ids: Ids) -> Vectors:
        """Products with each query's own candidates."""
        scores = np.empty(ids.shape, dtype=np.float32)
        for place, query, rows in zip(scores, queries, ids, strict=True):
            if self.originals is None:
                vectors = restore(self.codes[rows], self.precision, dimensions=self.dimensions)
            else:
                near = self.originals[rows]
                vectors = restore(near, "int8" if near.dtype == np.int8 else "float32", ranges=self.ranges)
            place[:] = vectors @ query
        return scores


def hamming(queries: NDArray[np.uint8], documents: NDArray[np.uint8]) -> NDArray[np.int32]:
    """How many bits differ: int32 (queries, documents).

    Args:
        queries: packed bits (queries, bytes).
        documents: packed bits (documents, bytes).
    """
    count = getattr(np, "bitwise_count", None)  # numpy 2
    distances = np.empty((len(queries), len(documents)), dtype=np.int32)
    for place, query in zip(distances, queries, strict=True):
        other = documents ^ query
        place[:] = (_BITS[other] if count is None else count(other)).sum(axis=1, dtype=np.int32)
    return distances
