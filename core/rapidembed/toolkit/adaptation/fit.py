"""From pairs of texts, or of their vectors, to an adapter that helps, or an error that says it does not."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rapidembed.errors import RapidEmbedError
from rapidembed.runtime.adapter import Adapter, Sides
from rapidembed.runtime.inputs import check_positive
from rapidembed.toolkit.adaptation.mining import hard_negatives
from rapidembed.toolkit.adaptation.selection import Choice, choose, part
from rapidembed.toolkit.adaptation.training import Pairs, Schedule, train
from rapidembed.types import Vectors

if TYPE_CHECKING:
    from rapidembed.tasks.text import TextEmbedding

_FEWEST_PAIRS = 50
_LARGEST_FILE = 1_000_000
_TABLE_BYTES = 4
_FULL_PATIENCE = 3
_FEW_STEPS = 12
"""Steps that an epoch has at least, where pairs are few: smaller batches then."""


class NoImprovementError(RapidEmbedError):
    """The trained adapter was not better than the frozen model on pairs that it had not seen."""


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


def fit_adapter(
    queries: Vectors,
    documents: Vectors,
    answers: "Sequence[int] | NDArray[np.int64] | None" = None,
    *,
    negatives: "Sequence[Sequence[int]] | NDArray[np.int64] | None" = None,
    mine: int = 0,
    sides: Sides = "both",
    epochs: int = 12,
    batch_size: int = 1024,
    rate: float = 1e-3,
    temperature: float = 0.05,
    seed: int = 0,
    model_name: str = "",
) -> Adaptation:
    """Train an adapter on vectors; :func:`adapt` makes them of texts.

    Args:
        queries: float32 (pairs, dim), of length 1.
        documents: float32 (documents, dim), of length 1, each once.
        answers: for each query the row of the document that answers it. None: the row of the same number.
        negatives: for each query rows of documents that do not answer it, equally many for all.
        mine: so many more of them, found among the nearest documents.
        sides: turn the vectors of "query" texts only, which leaves an index as it is, or of "both".
        epochs: most times that every pair is seen; how many help is measured.
        batch_size: pairs of a step, whose other documents are negatives.
        rate: Adam's step.
        temperature: of the loss.
        seed: of the order of the pairs, and of what is held out.
        model_name: kept in the adapter, for messages.

    Raises:
        NoImprovementError: on held-out pairs it was not better than the frozen vectors by more than chance explains.
        ValueError: shapes or values do not fit, or there are fewer than 50 pairs.
    """
    for name, value in {"epochs": epochs, "batch_size": batch_size}.items():
        check_positive(name, value)
    if sides not in ("query", "both"):
        raise ValueError(f'sides must be "query" or "both", got {sides!r}.')
    pairs = _pairs(queries, documents, answers, negatives, mine)
    schedule = Schedule(
        documents_too=sides == "both",
        epochs=epochs,
        batch_size=min(batch_size, max(16, len(pairs) // _FEW_STEPS)),
        rate=rate,
        temperature=temperature,
        seed=seed,
    )
    choice = choose(pairs, schedule, _FULL_PATIENCE)
    if not choice.helps:
        raise NoImprovementError(
            f"No adapter: on {choice.held_out} held-out queries MRR@10 went from {choice.before:.3f} to "
            f"{choice.after:.3f} (standard error of the difference {choice.error:.3f}), which chance may explain. "
            "More pairs help, and pairs that look like what users ask."
        )
    matrix = choice.matrix if choice.matrix is not None else _train_all(pairs, schedule, choice)
    down, up = _factors(part(matrix, choice.share) - np.eye(len(matrix), dtype=np.float32))
    return Adaptation(
        Adapter(down, up, sides, model_name),
        before=choice.before,
        after=choice.after,
        error=choice.error,
        held_out=choice.held_out,
        epochs=choice.epochs,
    )


def _pairs(
    queries: Vectors,
    documents: Vectors,
    answers: "Sequence[int] | NDArray[np.int64] | None",
    negatives: "Sequence[Sequence[int]] | NDArray[np.int64] | None",
    mine: int,
) -> Pairs:
    """The arguments of :func:`fit_adapter`, checked."""
    queries, documents = _vectors("queries", queries), _vectors("documents", documents)
    if queries.shape[1] != documents.shape[1]:
        raise ValueError(f"queries have {queries.shape[1]} dimensions, documents {documents.shape[1]}.")
    if len(queries) < _FEWEST_PAIRS:
        raise ValueError(f"An adapter takes at least {_FEWEST_PAIRS} pairs, got {len(queries)}.")
    if answers is None and len(queries) != len(documents):
        raise ValueError(f"Without answers, queries and documents go by pairs; got {len(queries)} and {len(documents)}.")
    rows = np.arange(len(queries)) if answers is None else _rows("answers", answers, (len(queries),), len(documents))
    shape = (len(queries), -1)
    given = np.empty((len(queries), 0), np.int64) if negatives is None else np.asarray(negatives).reshape(shape)
    given = _rows("negatives", given, given.shape, len(documents))
    if mine:
        check_positive("mine", mine)
        given = np.concatenate([given, hard_negatives(queries, documents, rows, mine)], axis=1)
    return Pairs(queries, documents, rows, given)


def _vectors(name: str, vectors: Vectors) -> Vectors:
    array = np.asarray(vectors, dtype=np.float32)
    if array.ndim != 2:
        raise ValueError(f"{name} must be (vectors, dimensions), got an array of shape {array.shape}.")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds NaN or infinity.")
    return array


def _rows(name: str, rows: object, shape: tuple[int, ...], most: int) -> NDArray[np.int64]:
    array = np.asarray(rows)
    if array.shape != shape or not np.issubdtype(array.dtype, np.integer):
        raise ValueError(f"{name} must be whole numbers of shape {shape}, got {array.dtype} of shape {array.shape}.")
    if array.size and not 0 <= array.min() <= array.max() < most:
        raise ValueError(f"{name} must be rows of the {most} documents, got {array.min()} to {array.max()}.")
    return array.astype(np.int64)


def _train_all(pairs: Pairs, schedule: Schedule, choice: Choice) -> Vectors:
    matrix = np.eye(pairs.queries.shape[1], dtype=np.float32)
    for epoch, (_, trained) in enumerate(train(pairs, schedule), start=1):
        matrix = trained
        if epoch == choice.epochs:
            break
    return matrix


def _factors(change: Vectors) -> tuple[Vectors, Vectors]:
    """Two factors of a square matrix whose file stays below a megabyte: exact if that leaves full rank."""
    dim = len(change)
    rank = min(dim, (_LARGEST_FILE - 1_000) // (2 * _TABLE_BYTES * dim))
    if rank == dim:
        return np.eye(dim, dtype=np.float32), change
    left, values, right = np.linalg.svd(change.astype(np.float64))
    return (left[:, :rank] * values[:rank]).astype(np.float32), right[:rank].astype(np.float32)
