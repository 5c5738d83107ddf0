"""From pairs of vectors to an adapter that helps, or an error that says it does not."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from rapidembed.errors import NoImprovementError
from rapidembed.runtime.adapter import Adapter, Sides
from rapidembed.runtime.inputs import check_positive
from rapidembed.toolkit.adaptation.factors import factors
from rapidembed.toolkit.adaptation.mining import hard_negatives
from rapidembed.toolkit.adaptation.selection import FEW_PAIRS, Choice, choose, part
from rapidembed.toolkit.adaptation.training import NONE, Pairs, Schedule, train
from rapidembed.types import Vectors

FEWEST_PAIRS = 50
_FEW_STEPS, _SMALLEST_BATCH = 12, 16
"""Steps that an epoch has at least, where pairs are few: smaller batches then."""
_RATE, _RATE_OF_FEW = 2e-3, 1e-3

Rows = Sequence[int] | NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Adaptation:
    """An adapter, and what it changed on held-out pairs.

    Attributes:
        adapter: to be saved, and given to ``TextEmbedding(adapter=...)``.
        before: MRR@10 of held-out queries with the frozen vectors.
        after: the same with the adapter.
        error: standard error of the difference.
        held_out: queries that were measured.
        epochs: that were trained.
    """

    adapter: Adapter
    before: float
    after: float
    error: float
    held_out: int
    epochs: int

    def __str__(self) -> str:
        return (
            f"MRR@10 of {self.held_out:,} held-out queries: {self.before:.3f} -> {self.after:.3f} "
            f"(standard error of the difference {self.error:.3f}), after {self.epochs} epochs"
        )


def fit_adapter(
    queries: Vectors,
    documents: Vectors,
    answers: Rows | None = None,
    *,
    negatives: "Sequence[Rows] | NDArray[np.int64] | None" = None,
    mine: int = 0,
    sides: Sides = "both",
    epochs: int = 8,
    batch_size: int = 1024,
    rate: float | None = None,
    temperature: float = 0.05,
    seed: int = 0,
    model_name: str = "",
    weights: str = "",
    progress: Callable[[float], None] = lambda loss: None,
) -> Adaptation:
    """Train an adapter on vectors; :func:`rapidembed.toolkit.adapt` makes them of texts.

    Args:
        queries: float32 (pairs, dim), of length 1.
        documents: float32 (documents, dim), of length 1, each once.
        answers: for each query the row of the document that answers it. None: the row of the same number.
        negatives: for each query rows of documents that do not answer it; any number of them.
        mine: so many more of them, found among the nearest documents.
        sides: turn the vectors of "query" texts only, which leaves an index as it is, or of "both".
        epochs: most times that every pair is seen; how many help is measured.
        batch_size: pairs of a step, whose other documents are negatives; less where pairs are few.
        rate: Adam's step. None: 0.002, of fewer than 5,000 pairs 0.001.
        temperature: of the loss.
        seed: of the order of the pairs, and of what is held out.
        model_name: kept in the adapter, for messages.
        weights: kept in the adapter: a hash of the model's weights, to refuse others; "": any.
        progress: called after every epoch with its mean loss.

    Raises:
        NoImprovementError: on held-out pairs it was not better than the frozen vectors by more than chance explains.
        ValueError: shapes or values do not fit, or there are fewer than 50 pairs.
    """
    for name, value in {"epochs": epochs, "batch_size": batch_size}.items():
        check_positive(name, value)
    for name, number in {"rate": _RATE if rate is None else rate, "temperature": temperature}.items():
        if not (isinstance(number, int | float) and math.isfinite(number) and number > 0):
            raise ValueError(f"{name} must be a positive number, got {number!r}.")
    if sides not in get_args(Sides):
        raise ValueError(f'sides must be "query" or "both", got {sides!r}.')
    pairs = _pairs(queries, documents, answers, negatives, mine)
    schedule = Schedule(
        documents_too=sides == "both",
        epochs=epochs,
        batch_size=min(batch_size, max(_SMALLEST_BATCH, len(pairs) // _FEW_STEPS)),
        rate=rate or (_RATE_OF_FEW if len(pairs) < FEW_PAIRS else _RATE),
        temperature=temperature,
        seed=seed,
        progress=progress,
    )
    choice = choose(pairs, schedule)
    if not choice.helps:
        raise NoImprovementError(_refusal(choice))
    matrix = choice.matrix if choice.matrix is not None else _train_all(pairs, schedule, choice.epochs)
    down, up = factors(part(matrix, choice.share) - np.eye(len(matrix), dtype=np.float32))
    adapter = Adapter(down, up, sides, model_name, weights)
    return Adaptation(adapter, choice.before, choice.after, choice.error, choice.held_out, choice.epochs)


def _refusal(choice: Choice) -> str:
    return (
        f"No adapter: on {choice.held_out:,} held-out queries MRR@10 went from {choice.before:.3f} to "
        f"{choice.after:.3f} (standard error of the difference {choice.error:.3f}), which chance may explain. "
        "More pairs help, and pairs that look like what users ask."
    )


def _pairs(
    queries: Vectors,
    documents: Vectors,
    answers: Rows | None,
    negatives: "Sequence[Rows] | NDArray[np.int64] | None",
    mine: int,
) -> Pairs:
    """The arguments of :func:`fit_adapter`, checked."""
    queries, documents = _vectors("queries", queries), _vectors("documents", documents)
    if queries.shape[1] != documents.shape[1]:
        raise ValueError(f"queries have {queries.shape[1]} dimensions, documents {documents.shape[1]}.")
    if len(queries) < FEWEST_PAIRS:
        raise ValueError(f"An adapter takes at least {FEWEST_PAIRS} pairs, got {len(queries)}.")
    if answers is None and len(queries) != len(documents):
        raise ValueError(
            f"Without answers, queries and documents go by pairs; got {len(queries)} and {len(documents)}."
        )
    rows = _rows("answers", range(len(queries)) if answers is None else answers, len(documents))
    if rows.shape != (len(queries),):
        raise ValueError(f"answers must be one row for each of {len(queries)} queries, got {len(rows)}.")
    given = _negatives(negatives, len(queries), len(documents))
    if mine:
        if check_positive("mine", mine) >= len(documents):
            raise ValueError(f"mine must be below the number of documents, {len(documents)}; got {mine}.")
        given = np.concatenate([given, hard_negatives(queries, documents, rows, mine)], axis=1)
    return Pairs(queries, documents, rows, given)


def _negatives(
    negatives: "Sequence[Rows] | NDArray[np.int64] | None", queries: int, documents: int
) -> NDArray[np.int64]:
    if negatives is None:
        return np.empty((queries, 0), np.int64)
    if len(negatives) != queries:
        raise ValueError(f"negatives must be rows for each of {queries} queries, got {len(negatives)}.")
    table = np.full((queries, max(map(len, negatives), default=0)), NONE, np.int64)
    for query, rows in enumerate(negatives):
        table[query, : len(rows)] = _rows(f"negatives[{query}]", rows, documents)
    return table


def _vectors(name: str, vectors: Vectors) -> Vectors:
    array = np.asarray(vectors, dtype=np.float32)
    if array.ndim != 2:
        raise ValueError(f"{name} must be (vectors, dimensions), got an array of shape {array.shape}.")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds NaN or infinity.")
    return array


def _rows(name: str, rows: Rows, most: int) -> NDArray[np.int64]:
    array = np.asarray(rows)
    if array.ndim != 1 or (array.size and not np.issubdtype(array.dtype, np.integer)):
        raise ValueError(f"{name} must be a list of whole numbers, got {array.dtype} of shape {array.shape}.")
    if array.size and not 0 <= array.min() <= array.max() < most:
        raise ValueError(f"{name} must be rows of the {most} documents, got {array.min()} to {array.max()}.")
    return array.astype(np.int64)


def _train_all(pairs: Pairs, schedule: Schedule, epochs: int) -> Vectors:
    """The matrix of all pairs after so many epochs."""
    *_, matrix = (trained for _, trained in zip(range(epochs), train(pairs, schedule), strict=False))
    return matrix
