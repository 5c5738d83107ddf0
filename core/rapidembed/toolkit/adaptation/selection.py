"""How far to train, and whether it helped: measured on pairs that the training did not see."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rapidembed.toolkit.adaptation.loss import turned
from rapidembed.toolkit.adaptation.training import Pairs, Schedule, train
from rapidembed.types import Vectors

SHARES = (0.25, 0.5, 1.0)
"""Of the way from the identity to the trained matrix; with few pairs the whole way is too far."""
_CUTOFF = 10
_FOLDS = 5
_FOLDS_BELOW = 5_000
"""Pairs below which every one is held out once: a tenth of them would tell too little."""
_HELD_OUT = 1_000
_POOL = 5_000
"""Most documents that a held-out one is looked for among."""
_ROWS = 500


@dataclass(frozen=True, slots=True)
class Choice:
    """The best of what was measured.

    Attributes:
        epochs: to train for.
        share: of the way from the identity.
        before: MRR@10 of held-out queries with frozen vectors.
        after: the same with the matrix.
        error: standard error of the difference, over queries.
        held_out: queries that were measured.
        matrix: of the split that was trained, unless there were several.
    """

    epochs: int
    share: float
    before: float
    after: float
    error: float
    held_out: int
    matrix: Vectors | None

    @property
    def helps(self) -> bool:
        """Whether it is better by more than chance explains (one-sided, 95 %)."""
        return self.after - self.before > 1.645 * self.error


def choose(pairs: Pairs, schedule: Schedule, patience: int) -> Choice:
    """Train on a part, measure on the rest, and keep the best epoch and share.

    With few pairs there are five parts, each held out once. Training ends when ``patience`` epochs were no better.
    """
    splits = list(_splits(len(pairs), schedule.seed))
    before: list[NDArray[np.float64]] = []
    measured: list[NDArray[np.float64]] = []
    best: tuple[float, Vectors] = (-1.0, np.empty((0, 0), np.float32))
    for train_rows, held_rows in splits:
        held = pairs.take(held_rows)
        pool = _pool(pairs, held, schedule.seed)
        dim = pairs.queries.shape[1]
        before.append(reciprocal_ranks(held, pool, np.eye(dim, dtype=np.float32), schedule.documents_too))
        epochs: list[NDArray[np.float64]] = []
        for _, matrix in train(pairs.take(train_rows), schedule):
            ranks = [
                reciprocal_ranks(held, pool, part(matrix, share), schedule.documents_too) for share in _shares(splits)
            ]
            epochs.append(np.stack(ranks))
            if float(ranks[-1].mean()) > best[0]:
                best = float(ranks[-1].mean()), matrix
            if len(splits) == 1 and _stalled([float(e[-1].mean()) for e in epochs], patience):
                break
        measured.append(np.stack(epochs))
    return _best(np.concatenate(before), np.concatenate(measured, axis=2), _shares(splits), best[1], len(splits))


def _best(
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    shares: tuple[float, ...],
    matrix: Vectors,
    splits: int,
) -> Choice:
    """Of reciprocal ranks (epochs, shares, queries)."""
    means = after.mean(axis=2)
    epoch, share = np.unravel_index(int(means.argmax()), means.shape)
    gains = after[epoch, share] - before
    error = float(gains.std(ddof=1)) / math.sqrt(len(gains)) if len(gains) > 1 else math.inf
    return Choice(
        epochs=int(epoch) + 1,
        share=shares[share],
        before=float(before.mean()),
        after=float(means[epoch, share]),
        error=error,
        held_out=len(before),
        matrix=matrix if splits == 1 else None,
    )


def reciprocal_ranks(
    pairs: Pairs, pool: NDArray[np.int64], matrix: Vectors, documents_too: bool
) -> NDArray[np.float64]:
    """1 / rank of each query's answer among the documents of ``pool``, 0 below rank ten."""
    documents = pairs.documents[pool]
    if documents_too:
        documents = turned(documents, matrix)[0]
    places = np.searchsorted(pool, pairs.answers)
    found = []
    for start in range(0, len(pairs), _ROWS):
        rows = slice(start, start + _ROWS)
        scores = turned(pairs.queries[rows], matrix)[0] @ documents.T
        own = np.take_along_axis(scores, places[rows, None], axis=1)
        ranks = 1 + (scores > own).sum(axis=1)
        found.append(np.where(ranks <= _CUTOFF, 1 / ranks, 0.0))
    return np.concatenate(found)


def part(matrix: Vectors, share: float) -> Vectors:
    """The matrix that lies ``share`` of the way from the identity to ``matrix``."""
    identity = np.eye(len(matrix), dtype=np.float32)
    return identity + np.float32(share) * (matrix - identity)


def _shares(splits: list[tuple[NDArray[np.int64], NDArray[np.int64]]]) -> tuple[float, ...]:
    return SHARES if len(splits) > 1 else (1.0,)


def _stalled(means: list[float], patience: int) -> bool:
    return len(means) - 1 - int(np.argmax(means)) >= patience


def _splits(count: int, seed: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Rows to train on, and rows to measure on."""
    order = np.random.default_rng(seed).permutation(count)
    if count >= _FOLDS_BELOW:
        held = min(_HELD_OUT, count // 10)
        yield order[held:], order[:held]
        return
    for fold in range(_FOLDS):
        held_rows = order[fold::_FOLDS]
        yield np.setdiff1d(order, held_rows), held_rows


def _pool(pairs: Pairs, held: Pairs, seed: int) -> NDArray[np.int64]:
    """Sorted rows of documents: the answers, and as many others as there is room for."""
    answers = np.unique(held.answers)
    others = np.setdiff1d(np.arange(len(pairs.documents)), answers)
    room = max(0, _POOL - len(answers))
    drawn = np.random.default_rng(seed).permutation(others)[:room]
    return np.sort(np.concatenate([answers, drawn]))
