"""Training of the matrix: Adam from the identity, so that without a reason nothing is turned."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rapidembed.toolkit.adaptation.loss import Batch, gradient
from rapidembed.types import Vectors

_DECAYS = (0.9, 0.999)
_EPSILON = 1e-8
NONE = -1
"""In place of a row of ``negatives`` where a query has fewer than others."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Frozen vectors of queries and of what answers them.

    Attributes:
        queries: float32 (pairs, dim), of length 1.
        documents: float32 (documents, dim), of length 1, each once.
        answers: int64 (pairs,): the row of ``documents`` that answers each query.
        negatives: int64 (pairs, n): rows that do not, or NONE; n may be 0.
    """

    queries: Vectors
    documents: Vectors
    answers: NDArray[np.int64]
    negatives: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.queries)

    def take(self, rows: NDArray[np.int64]) -> "Pairs":
        """Some of the pairs; the documents stay."""
        return Pairs(self.queries[rows], self.documents, self.answers[rows], self.negatives[rows])

    def batch(self, rows: NDArray[np.int64]) -> Batch:
        """What a step compares."""
        answers, negatives = self.answers[rows], self.negatives[rows].ravel()
        columns = np.concatenate([answers, negatives[negatives != NONE]])
        # A document that answers two queries of the batch is in it twice.
        same = answers[:, None] == columns[None, :]
        same[np.arange(len(rows)), np.arange(len(rows))] = False
        return Batch(self.queries[rows], self.documents[columns], same)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How a matrix is trained.

    Attributes:
        documents_too: whether it turns documents too.
        epochs: times that every pair is seen.
        batch_size: pairs of a step.
        rate: Adam's step.
        temperature: of the loss.
        seed: of the order of the pairs.
        progress: called after every epoch with its mean loss.
    """

    documents_too: bool
    epochs: int
    batch_size: int
    rate: float
    temperature: float
    seed: int
    progress: Callable[[float], None] = lambda loss: None


def train(pairs: Pairs, schedule: Schedule) -> Iterator[Vectors]:
    """Train; yield the matrix, float32 (dim, dim), after each epoch."""
    rng = np.random.default_rng(schedule.seed)
    adam = _Adam(np.eye(pairs.queries.shape[1], dtype=np.float32), schedule.rate)
    size = min(schedule.batch_size, len(pairs))
    for _ in range(schedule.epochs):
        order = rng.permutation(len(pairs))
        losses = []
        for start in range(0, len(order) - size + 1, size):  # a small last batch would weigh as much as a whole one
            batch = pairs.batch(order[start : start + size])
            loss, slope = gradient(
                adam.matrix, batch, documents_too=schedule.documents_too, temperature=schedule.temperature
            )
            losses.append(loss)
            adam.move(slope)
        schedule.progress(float(np.mean(losses)))
        yield adam.matrix


class _Adam:
    """Kingma and Ba, "Adam: A Method for Stochastic Optimization" (2015, https://arxiv.org/abs/1412.6980)."""

    def __init__(self, matrix: Vectors, rate: float) -> None:
        self.matrix = matrix
        self._rate = rate
        self._mean = np.zeros_like(matrix)
        self._square = np.zeros_like(matrix)
        self._steps = 0

    def move(self, slope: Vectors) -> None:
        """One step against ``slope``; the matrix becomes another array."""
        self._steps += 1
        self._mean += (1 - _DECAYS[0]) * (slope - self._mean)
        self._square += (1 - _DECAYS[1]) * (slope * slope - self._square)
        root = np.sqrt(self._square / (1 - _DECAYS[1] ** self._steps)) + _EPSILON
        self.matrix = self.matrix - self._rate / (1 - _DECAYS[0] ** self._steps) * self._mean / root
