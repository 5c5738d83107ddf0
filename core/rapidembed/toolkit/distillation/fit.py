"""Fitting token vectors to a teacher: the mean over a text's tokens shall point where the teacher's vector does.

The loss is 1 - cosine, plus how much the texts of a batch resemble each other in another way than the teacher finds:
the cross entropy of softmax(similarities / temperature), as in relational distillation. Mini-batches, Adam (Kingma and
Ba, 2015, arXiv:1412.6980) on the rows that a batch touches. A part of the texts is held out; the table that did best on
it is the result.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rapidembed.tasks.unit import scaled, unit_rows
from rapidembed.types import Vectors

_DECAY_MEAN, _DECAY_SQUARE, _TINY = 0.9, 0.999, 1e-8
_RESEMBLANCE, _TEMPERATURE = 0.3, 0.1


@dataclass(frozen=True, slots=True)
class Samples:
    """Texts as the student's token ids, and the unit vectors that the teacher gives them."""

    ids: list[list[int]]
    targets: Vectors

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class FitOptions:
    """How long and how fast to learn.

    Attributes:
        epochs: most passes over the texts; it ends earlier when the held-out texts stop gaining.
        batch_size: texts per step.
        rate: step size of Adam at the beginning, relative to the root mean square of the table; it falls to zero.
        patience: epochs without a gain after which it ends.
        seed: of the order of the texts.
    """

    epochs: int = 8
    batch_size: int = 512
    rate: float = 0.03
    patience: int = 2
    seed: int = 0

    def steps(self, texts: int) -> int:
        """Steps of one epoch."""
        return -(-texts // self.batch_size)


@dataclass(slots=True)
class Fitted:
    """The table, and the mean cosine to the teacher on the held-out texts: before, and after each epoch."""

    table: Vectors
    cosines: list[float] = field(default_factory=list)


def fit(
    table: Vectors,
    train: Samples,
    held_out: Samples,
    options: FitOptions,
    progress: Callable[[float], None] = lambda cosine: None,
) -> Fitted:
    """Fit the rows of ``table``, float32 (tokens, dim), which is left as it is.

    Args:
        table: where to begin.
        train: what to learn from.
        held_out: what decides when to stop.
        options: see there.
        progress: called after every step with the batch's mean cosine.
    """
    learner = _Adam(table.copy(), options.rate * float(np.sqrt(np.mean(np.square(table)))))
    result = Fitted(table, [mean_cosine(table, held_out)])
    order = np.random.default_rng(options.seed)
    steps = options.steps(len(train))
    since_best = 0
    for epoch in range(options.epochs):
        rows = order.permutation(len(train))
        for step in range(steps):
            batch = rows[step * options.batch_size : (step + 1) * options.batch_size]
            share = 1 - (epoch * steps + step) / (options.epochs * steps)
            progress(_step(learner, [train.ids[row] for row in batch], train.targets[batch], share))
        result.cosines.append(mean_cosine(learner.table, held_out))
        if result.cosines[-1] == max(result.cosines):
            result.table, since_best = learner.table.copy(), 0
        else:
            since_best += 1
            if since_best == options.patience:
                break
    return result


def mean_cosine(table: Vectors, samples: Samples, size: int = 1024) -> float:
    """Mean cosine between what the table makes of the texts and the teacher's vectors."""
    total = 0.0
    for start in range(0, len(samples), size):
        tokens, counts = _count(samples.ids[start : start + size])
        units = unit_rows(counts @ table[tokens])
        total += float(np.einsum("ij,ij->", units, samples.targets[start : start + size]))
    return total / len(samples)


class _Adam:
    """Adam that keeps its moments per row, and moves only rows that have a gradient."""

    def __init__(self, table: Vectors, rate: float) -> None:
        self.table = table
        self._rate = rate
        self._mean = np.zeros_like(table)
        self._square = np.zeros_like(table)
        self._steps = 0

    def move(self, rows: NDArray[np.int64], gradient: Vectors, share: float) -> None:
        """One step of ``share`` of the full rate against ``gradient``, (rows, dim)."""
        self._steps += 1
        mean = self._mean[rows] * np.float32(_DECAY_MEAN) + np.float32(1 - _DECAY_MEAN) * gradient
        square = self._square[rows] * np.float32(_DECAY_SQUARE) + np.float32(1 - _DECAY_SQUARE) * gradient**2
        self._mean[rows], self._square[rows] = mean, square
        rate = self._rate * share * np.sqrt(1 - _DECAY_SQUARE**self._steps) / (1 - _DECAY_MEAN**self._steps)
        self.table[rows] -= np.float32(rate) * mean / (np.sqrt(square) + np.float32(_TINY))


def _step(learner: _Adam, ids: Sequence[list[int]], targets: Vectors, share: float) -> float:
    tokens, counts = _count(ids)
    units, norms = scaled(counts @ learner.table[tokens])
    pull = _resemblance(units, targets) - targets
    # What would only change the length of a sum has no effect on its direction.
    gradient = (pull - units * np.einsum("ij,ij->i", pull, units)[:, None]) / norms
    # Adam does not mind the scale of the gradient; per text, not per batch, it stays clear of its smallest numbers.
    learner.move(tokens, counts.T @ gradient, share)
    return float(np.einsum("ij,ij->i", units, targets).mean())


def _resemblance(units: Vectors, targets: Vectors) -> Vectors:
    """Gradient, with respect to ``units``, of the cross entropy between the two batches' resemblances."""
    if len(units) == 1:  # nothing to resemble
        return np.zeros_like(units)
    off = (_resembling(units) - _resembling(targets)) * np.float32(_RESEMBLANCE / _TEMPERATURE)
    return np.asarray((off + off.T) @ units)


def _resembling(units: Vectors) -> Vectors:
    """Row i: which of the other texts is like text i, as probabilities."""
    scores = units @ units.T / np.float32(_TEMPERATURE)
    np.fill_diagonal(scores, -np.inf)
    likely = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(likely / likely.sum(axis=1, keepdims=True))


def _count(ids: Sequence[list[int]]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The distinct tokens of some texts, and how often each text has each: float32 (texts, distinct tokens)."""
    flat = np.concatenate([np.array(text, dtype=np.int64) for text in ids])
    tokens, columns = np.unique(flat, return_inverse=True)
    rows = np.repeat(np.arange(len(ids)), [len(text) for text in ids])
    counts = np.bincount(rows * len(tokens) + columns, minlength=len(ids) * len(tokens))
    return tokens, counts.reshape(len(ids), len(tokens)).astype(np.float32)
