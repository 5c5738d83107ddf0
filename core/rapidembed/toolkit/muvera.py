"""MUVERA: a set of vectors as one vector, so that a dense index finds candidates for late interaction.

Dhulipala, Hadian, Jayaram, Lee and Mirrokni, "MUVERA: Multi-Vector Retrieval via Fixed Dimensional Encodings" (NeurIPS
2024). The random numbers are drawn as fastembed draws them, so the encodings of both fit together.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from rapidembed.runtime.inputs import check_positive
from rapidembed.tasks.chunks import chunks
from rapidembed.types import Vectors

_CHUNK_VECTORS = 1024


class MultiVectorModel(Protocol):
    """A model that gives every text a set of vectors."""

    @property
    def embedding_size(self) -> int:
        """Dimensions of each vector."""


class Muvera:
    """Turns sets of vectors into encodings whose dot product estimates their ``max_sim``.

    Each of ``r_reps`` repetitions cuts space by ``k_sim`` random hyperplanes into 2**k_sim clusters, adds up the
    vectors of each cluster (documents: their mean, and for a cluster without any a vector of the nearest one), and
    projects the sums to ``dim_proj`` dimensions by a random matrix of +1 and -1. All clusters of all repetitions make
    the encoding.

    Example:
        >>> import numpy as np
        >>> from rapidembed.toolkit.muvera import Muvera
        >>> muvera = Muvera(dim=128)
        >>> muvera.process_document(np.ones((30, 128), dtype=np.float32)).shape
        (10240,)

    Args:
        dim: dimensions of the vectors.
        k_sim: hyperplanes of a repetition.
        dim_proj: dimensions that a cluster is projected to; ``dim`` for no projection.
        r_reps: repetitions.
        random_seed: encodings can be compared only if they were made with the same seed.

    Raises:
        ValueError: a number is not positive, ``dim_proj`` is larger than ``dim``, or ``k_sim`` is over 16.
    """

    _numbers: ClassVar[type[np.floating[Any]]] = np.float32
    """What it computes with."""

    def __init__(self, dim: int, k_sim: int = 5, dim_proj: int = 16, r_reps: int = 20, random_seed: int = 42) -> None:
        for name, value in (("dim", dim), ("k_sim", k_sim), ("dim_proj", dim_proj), ("r_reps", r_reps)):
            check_positive(name, value)
        if dim_proj > dim:
            raise ValueError(f"dim_proj must be at most dim, which is {dim}; got {dim_proj}.")
        if k_sim > 16:
            raise ValueError(f"k_sim must be at most 16, which makes 65536 clusters; got {k_sim}.")
        self.dim, self.k_sim, self.dim_proj, self.r_reps = dim, k_sim, dim_proj, r_reps
        generator = np.random.default_rng(random_seed)
        self._hyperplanes = np.concatenate([generator.normal(size=(dim, k_sim)) for _ in range(r_reps)], axis=1)
        self._single = self._hyperplanes.astype(self._numbers)
        self._margin = 4 * dim * np.finfo(self._numbers).eps * np.linalg.norm(self._hyperplanes, axis=0).max()
        self._powers = (1 << np.arange(k_sim)).astype(self._numbers)
        signs = generator.choice([-1, 1], size=(r_reps, dim, dim_proj))
        side_by_side = signs.transpose(1, 0, 2).reshape(dim, r_reps * dim_proj)
        self._projection = (side_by_side / np.sqrt(dim_proj)).astype(self._numbers) if dim_proj < dim else None

    @classmethod
    def from_multivector_model(
        cls, model: MultiVectorModel, k_sim: int = 5, dim_proj: int = 16, r_reps: int = 20, random_seed: int = 42
    ) -> "Muvera":
        """A Muvera for the vectors of ``model``."""
        return cls(model.embedding_size, k_sim, dim_proj, r_reps, random_seed)

    @property
    def embedding_size(self) -> int:
        """Dimensions of an encoding: ``r_reps * 2**k_sim * dim_proj``."""
        return self.r_reps * self._clusters * self.dim_proj

    def process(
        self, vectors: NDArray[Any], fill_empty_clusters: bool = True, normalize_by_count: bool = True
    ) -> Vectors:
        """Encode one set of vectors; :meth:`process_document` and :meth:`process_query` say how for you.

        Args:
            vectors: (n, dim), at least one.
            fill_empty_clusters: give a cluster without vectors one of the nearest cluster that has some.
            normalize_by_count: a cluster's mean instead of its sum.

        Returns:
            float32 (embedding_size,).

        Raises:
            ValueError: ``vectors`` has another shape, or is empty.
        """
        encoded: Vectors = self._encode([vectors], fill_empty_clusters, normalize_by_count)[0]
        return encoded

    def process_document(self, vectors: NDArray[Any]) -> Vectors:
        """Encode a document's vectors (n, dim): float32 (embedding_size,)."""
        return self.process(vectors)

    def process_query(self, vectors: NDArray[Any]) -> Vectors:
        """Encode a query's vectors (n, dim): float32 (embedding_size,)."""
        return self.process(vectors, fill_empty_clusters=False, normalize_by_count=False)

    def process_documents(self, documents: Sequence[NDArray[Any]]) -> Vectors:
        """Encode many documents, each (n, dim) with an n of its own: float32 (documents, embedding_size)."""
        return self._encode(documents, True, True)

    def process_queries(self, queries: Sequence[NDArray[Any]]) -> Vectors:
        """Encode many queries, each (n, dim) with an n of its own: float32 (queries, embedding_size)."""
        return self._encode(queries, False, False)

    @property
    def _clusters(self) -> int:
        return 1 << self.k_sim

    def _encode(self, sets: Sequence[NDArray[Any]], fill: bool, mean: bool) -> Vectors:
        arrays = [self._check(index, vectors) for index, vectors in enumerate(sets)]
        encoded = np.empty((len(arrays), self.embedding_size), dtype=self._numbers)
        few = max(1, (1 << 16) // (self.r_reps * self._clusters))
        for start, end in chunks([len(array) for array in arrays], _CHUNK_VECTORS, few):
            encoded[start:end] = self._encode_chunk(arrays[start:end], fill, mean)
        return encoded

    def _encode_chunk(self, arrays: list[NDArray[Any]], fill: bool, mean: bool) -> Vectors:
        exact = np.concatenate(arrays)
        vectors = exact.astype(self._numbers, copy=False)
        owner = np.repeat(np.arange(len(arrays)), [len(array) for array in arrays])
        # A row for each vector and repetition, and the number of the cluster that it falls into.
        rows = self._project(vectors)
        cluster = (owner[:, None] * self.r_reps + np.arange(self.r_reps)) * self._clusters + self._hash(vectors, exact)
        total = len(arrays) * self.r_reps * self._clusters
        keys = cluster.ravel()
        counts = np.bincount(keys, minlength=total)
        occupied = np.flatnonzero(counts)
        counts = counts[occupied]
        begins = np.cumsum(counts) - counts
        # 16 bits are sorted by radix.
        order = np.argsort(keys.astype(np.uint16) if total <= 1 << 16 else keys, kind="stable")
        sums = np.add.reduceat(rows.take(order, axis=0), begins, axis=0)
        if mean:
            sums /= counts.astype(self._numbers)[:, None]
        centers = np.zeros((total, self.dim_proj), dtype=self._numbers)
        centers[occupied] = sums
        if fill:
            first = np.full(total, -1)
            first[occupied] = order[begins]  # the sort is stable
            empty = np.flatnonzero(first < 0)
            nearest = _nearest_occupied((first >= 0).reshape(-1, self._clusters), self.k_sim).ravel()
            centers[empty] = rows[first[empty // self._clusters * self._clusters + nearest[empty]]]
        return centers.reshape(len(arrays), -1)

    def _project(self, vectors: Vectors) -> Vectors:
        if self._projection is None:
            return np.repeat(vectors, self.r_reps, axis=0)
        return np.asarray(vectors @ self._projection).reshape(-1, self.dim_proj)

    def _hash(self, vectors: Vectors, exact: NDArray[Any]) -> NDArray[np.int64]:
        """The cluster of each vector in each repetition: (n, r_reps)."""
        heights = vectors @ self._single
        # What is too close to its hyperplane for single precision is computed again in double, as fastembed does it.
        margin = np.sqrt(np.einsum("ij,ij->i", vectors, vectors)) * self._margin
        close = np.flatnonzero(np.abs(heights) < margin[:, None])
        if len(close):
            row, plane = np.divmod(close, heights.shape[1])
            heights[row, plane] = np.einsum("ij,ji->i", exact[row].astype(np.float64), self._hyperplanes[:, plane])
        sides = (heights > 0).astype(self._numbers).reshape(-1, self.k_sim)
        return (sides @ self._powers).astype(np.int64).reshape(-1, self.r_reps)

    def _check(self, index: int, vectors: NDArray[Any]) -> NDArray[Any]:
        array = np.asarray(vectors)
        if array.ndim != 2 or array.shape[1] != self.dim or len(array) == 0:
            raise ValueError(f"Set {index} must be an array (n, {self.dim}) of at least one vector, got {array.shape}.")
        return array


def _nearest_occupied(occupied: NDArray[np.bool_], bits: int) -> NDArray[np.int64]:
    """For every cluster the occupied one whose number differs in the fewest bits, of several the lowest.

    Clusters are the corners of a cube; distance along its edges is a sum over the axes, so one sweep along each finds
    the nearest corner.

    Args:
        occupied: (rows, 2**bits), at least one True in each row.
        bits: axes of the cube.
    """
    rows, clusters = occupied.shape
    step = clusters  # a key is distance * clusters + number, so the smallest is the nearest, then the lowest
    keys = np.where(occupied, np.arange(clusters), (bits + 1) * step)
    for bit in range(bits):
        pairs = keys.reshape(rows, -1, 2, 1 << bit)
        keys = np.minimum(pairs, pairs[:, :, ::-1] + step).reshape(rows, clusters)
    return np.asarray(keys & (clusters - 1))
