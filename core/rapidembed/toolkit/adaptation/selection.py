"""How far to train, and whether it helped: measured on pairs that the training did not see."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rapidembed.toolkit.adaptation.factors import kept
from rapidembed.toolkit.adaptation.loss import turned
from rapidembed.toolkit.adaptation.training import Pairs, Schedule, train
from rapidembed.types import Vectors

_SHARES = (0.25, 0.5, 1.0)
"""Of the way from the identity to the trained matrix; with few pairs the whole way is too far."""
_CUTOFF = 10
_FOLDS = 5
FEW_PAIRS = 5_000
"""Pairs below which every one is held out once: a tenth of them would tell too little."""
_HELD_OUT = 1_000
_POOL = 5_000
"""Most documents that a held-out one is looked for among."""
_PATIENCE = 2
"""Epochs without a gain after which training ends."""
_SURE = 1.645
"""Standard errors above zero that a gain has to be: one-sided, 95 %."""
_ROWS = 500

_Numbers = NDArray[np.float64]
_Rows = NDArray[np.int64]


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
        """Whether it is better by more than chance explains."""
        return self.after - self.before > _SURE * self.error


@dataclass(frozen=True, slots=True)
class _Trial:
    """One split: reciprocal ranks of its held-out queries, (queries,) before and (epochs, shares, queries) after."""

    before: _Numbers
    after: _Numbers
    matrix: Vectors


def choose(pairs: Pairs, schedule: Schedule) -> Choice:
    """Train on a part, measure on the rest, and keep the best epoch and share.

    With few pairs there are five parts, each held out once, and several shares.
    """
    splits = list(_splits(len(pairs), schedule.seed))
    several = len(splits) > 1
    shares = _SHARES if several else (1.0,)
    trials = [
        _try(pairs.take(rows), pairs.take(held), schedule, shares, patience=None if several else _PATIENCE)
        for rows, held in splits
    ]
    before = np.concatenate([trial.before for trial in trials])
    after = np.concatenate([trial.after for trial in trials], axis=2)
    means = after.mean(axis=2)
    epoch, share = np.unravel_index(int(means.argmax()), means.shape)
    gains = after[epoch, share] - before
    return Choice(
        epochs=int(epoch) + 1,
        share=shares[share],
        before=float(before.mean()),
        after=float(means[epoch, share]),
        error=float(gains.std(ddof=1)) / math.sqrt(len(gains)),
        held_out=len(before),
        matrix=None if several else trials[0].matrix,
    )


def _try(pairs: Pairs, held: Pairs, schedule: Schedule, shares: tuple[float, ...], patience: int | None) -> _Trial:
    """Train on ``pairs``, and measure each share of the way on ``held`` after every epoch."""
    pool, too = _pool(held, schedule.seed), schedule.documents_too
    best, since_best = (-1.0, np.empty((0, 0), np.float32)), 0
    epochs = []
    for matrix in train(pairs, schedule):
        epochs.append(np.stack([reciprocal_ranks(held, pool, kept(part(matrix, share)), too) for share in shares]))
        score, since_best = float(epochs[-1][-1].mean()), since_best + 1
        if score > best[0]:
            best, since_best = (score, matrix), 0
        if since_best == patience:
            break
    identity = np.eye(pairs.queries.shape[1], dtype=np.float32)
    return _Trial(reciprocal_ranks(held, pool, identity, too), np.stack(epochs), best[1])


def reciprocal_ranks(pairs: Pairs, pool: _Rows, matrix: Vectors, documents_too: bool) -> _Numbers:
    """1 / rank of each query's answer among the documents of ``pool``, 0 below rank ten.

    Args:
        pairs: the queries, and their answers.
        pool: rows of documents, sorted.
        matrix: turns vectors.
        documents_too: whether it turns documents.
    """
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


def _splits(count: int, seed: int) -> Iterator[tuple[_Rows, _Rows]]:
    """Rows to train on, and rows to measure on."""
    order = np.random.default_rng(seed).permutation(count)
    if count >= FEW_PAIRS:
        held = min(_HELD_OUT, count // 10)
        yield order[held:], order[:held]
        return
    for fold in range(_FOLDS):
        held_rows = order[fold::_FOLDS]
        yield np.setdiff1d(order, held_rows), held_rows


def _pool(held: Pairs, seed: int) -> _Rows:
    """Sorted rows of documents: the answers, and as many others as there is room for."""
    answers = np.unique(held.answers)
    others = np.setdiff1d(np.arange(len(held.documents)), answers)
    drawn = np.random.default_rng(seed).permutation(others)[: max(0, _POOL - len(answers))]
    return np.sort(np.concatenate([answers, drawn]))
