"""From which score on two texts belong together: a model's own threshold, for no number holds for all of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rapidembed.tasks.text.facade import TextEmbedding
from rapidembed.toolkit.opened import both_sides, opened

_PAIRS = 1_000_000
"""Most pairs of a query and a passage that the background is estimated from."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Precision and recall of labelled pairs, at each of their scores as threshold.

    Attributes:
        thresholds: float64 (n,), ascending: pairs that score at least this pass.
        precision: (n,): share of those that pass that belong together.
        recall: (n,): share of those that belong together that pass.
    """

    thresholds: Numbers
    precision: Numbers
    recall: Numbers

    @classmethod
    def of(cls, scores: Sequence[float] | Numbers, labels: Sequence[bool] | NDArray[np.bool_]) -> "Curve":
        """The curve of scores, and whether each pair belongs together.

        Raises:
            ValueError: there are not both kinds of pairs, or a score is not finite.
        """
        values, right = np.asarray(scores, dtype=np.float64), np.asarray(labels, dtype=bool)
        if values.ndim != 1 or values.shape != right.shape or not np.isfinite(values).all():
            raise ValueError(
                f"scores and labels must be equally many finite numbers, got {values.shape}, {right.shape}."
            )
        if right.all() or not right.any():
            raise ValueError(f"Labelled pairs must be of both kinds; all {len(right)} are {bool(right.any())}.")
        order = np.argsort(-values, kind="stable")
        values, hits = values[order], np.cumsum(right[order])
        last = np.flatnonzero(np.append(np.diff(values) != 0, True))  # of equal scores all pass, or none
        passing = last + 1
        return cls(values[last][::-1], (hits[last] / passing)[::-1], (hits[last] / hits[-1])[::-1])

    @property
    def f1(self) -> Numbers:
        """The harmonic mean of both."""
        both = self.precision + self.recall
        return np.asarray(2 * self.precision * self.recall / np.where(both == 0, 1, both))

    @property
    def average_precision(self) -> float:
        """Precision, averaged over the steps of recall."""
        steps = -np.diff(np.append(self.recall, 0.0))
        return float((steps * self.precision).sum())


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """A threshold for one model, and how it was found. Scores are cosines of a query's and a document's vector.

    Attributes:
        threshold: pairs that score at least this belong together.
        why: what it was chosen for.
        fingerprint: of the model; the threshold is for no other.
        curve: of labelled pairs; None: there were none.
        background: scores of pairs that do not belong together, ascending; None: it was not needed.
    """

    threshold: float
    why: str
    fingerprint: str
    curve: Curve | None = None
    background: Numbers | None = None

    def __str__(self) -> str:
        return f"threshold {self.threshold:.4f}: {self.why}"

    def plot(self, path: "str | Path") -> None:
        """Draw precision and recall by threshold, or the background, into a picture.

        Raises:
            ImportError: matplotlib is missing.
        """
        from rapidembed.toolkit.drawing import new_figure

        figure = new_figure((6, 4))
        axes = figure.subplots()
        if self.curve is not None:
            axes.plot(self.curve.thresholds, self.curve.precision, label="precision")
            axes.plot(self.curve.thresholds, self.curve.recall, label="recall")
        if self.background is not None:
            axes.hist(self.background, bins=100, density=True, label="pairs that do not belong together")
        axes.axvline(self.threshold, color="gray", linestyle="--", label=f"threshold {self.threshold:.3f}")
        axes.set(xlabel="cosine", title=self.why)
        axes.legend(fontsize="small")
        figure.savefig(path)


def calibrate(
    model: "str | Path | TextEmbedding",
    pairs: Iterable[tuple[str, str, bool]],
    *,
    precision: float | None = None,
    recall: float | None = None,
    show_progress: bool = False,
) -> Calibration:
    """The threshold for labelled pairs.

    Args:
        model: whatever ``TextEmbedding`` takes, or one that is loaded.
        pairs: (query, document, whether they belong together).
        precision: the lowest threshold from which on so large a share of what passes is right.
        recall: the highest threshold that lets so large a share of what is right pass. With neither: the threshold of
            the best F1.
        show_progress: show progress bars.

    Raises:
        ValueError: pairs are of one kind only, or no threshold does what is asked for.
        TypeError: a pair is something else; names its index.
    """
    if precision is not None and recall is not None:
        raise ValueError("Give precision or recall, not both.")
    for name, share in {"precision": precision, "recall": recall}.items():
        _check_share(name, share)
    queries, documents, labels = _split(pairs)
    with opened(model) as embedding:
        left, right = both_sides(embedding, queries, documents, show_progress=show_progress)
        fingerprint = embedding.fingerprint
    curve = Curve.of(np.einsum("ij,ij->i", left, right).astype(np.float64), labels)
    place = _place(curve, precision, recall)
    why = (
        f"precision {curve.precision[place]:.3f}, recall {curve.recall[place]:.3f}, F1 {curve.f1[place]:.3f} "
        f"on {len(labels):,} labelled pairs"
    )
    return Calibration(float(curve.thresholds[place]), why, fingerprint, curve=curve)


def calibrate_background(
    model: "str | Path | TextEmbedding",
    queries: Iterable[str],
    passages: Iterable[str],
    *,
    passing: float = 0.001,
    seed: int = 0,
    show_progress: bool = False,
) -> Calibration:
    """The threshold that lets only so small a share of passages pass that have nothing to do with a query.

    No labels are needed: of a query drawn by lot and a passage drawn by lot nearly all do not belong together. Where a
    query has many right passages among few, the threshold comes out too high rather than too low.

    Args:
        model: whatever ``TextEmbedding`` takes, or one that is loaded.
        queries: texts that users ask, a hundred or more.
        passages: texts like those that are searched, a thousand or more.
        passing: share of wrong passages that may pass.
        seed: of what is drawn, where there are more than a million pairs.
        show_progress: show progress bars.

    Raises:
        ValueError: there are too few pairs to estimate such a share.
    """
    if not isinstance(passing, int | float) or not 0 < passing < 1:
        raise ValueError(f"passing must be between 0 and 1, got {passing!r}.")
    asked, searched = list(queries), list(passages)
    if len(asked) * len(searched) * passing < 10:
        raise ValueError(
            f"{len(asked):,} queries and {len(searched):,} passages are too few pairs for a share of {passing}: ten "
            "should pass. Give more, or a larger share."
        )
    with opened(model) as embedding:
        left, right = both_sides(embedding, asked, searched, show_progress=show_progress)
        fingerprint = embedding.fingerprint
    random = np.random.default_rng(seed)
    if len(asked) * len(searched) > _PAIRS:
        rows, columns = random.integers(0, len(asked), _PAIRS), random.integers(0, len(searched), _PAIRS)
        scores = np.concatenate(
            [
                np.einsum("ij,ij->i", left[some], right[others])
                for some, others in zip(np.array_split(rows, 100), np.array_split(columns, 100), strict=True)
            ]
        )
    else:
        scores = (left @ right.T).ravel()
    background = np.sort(scores.astype(np.float64))
    threshold = float(np.quantile(background, 1 - passing))
    why = f"{passing:.2%} of {len(background):,} pairs drawn by lot score as much"
    return Calibration(threshold, why, fingerprint, background=background)


def _split(pairs: Iterable[tuple[str, str, bool]]) -> tuple[list[str], list[str], list[bool]]:
    queries, documents, labels = [], [], []
    for index, pair in enumerate(pairs):
        triple: Any = pair
        if not isinstance(triple, tuple | list) or len(triple) != 3 or not isinstance(triple[2], bool | int | np.bool_):
            raise TypeError(f"pairs[{index}] must be (query, document, True or False), got {triple!r:.80}.")
        queries.append(triple[0])
        documents.append(triple[1])
        labels.append(bool(triple[2]))
    return queries, documents, labels


def _place(curve: Curve, precision: float | None, recall: float | None) -> int:
    if precision is not None:
        # Lower thresholds may reach it by chance and lose it again: all higher ones have to hold it, too.
        falls = np.flatnonzero(curve.precision < precision)
        place = int(falls[-1]) + 1 if len(falls) else 0
        if place == len(curve.thresholds):
            raise ValueError(f"No threshold has a precision of {precision}; the best is {curve.precision.max():.3f}.")
        return place
    if recall is not None:
        return int(np.flatnonzero(curve.recall >= recall)[-1])
    return int(curve.f1.argmax())


def _check_share(name: str, share: float | None) -> None:
    if share is not None and not (isinstance(share, int | float) and 0 < share <= 1):
        raise ValueError(f"{name} must be above 0 and at most 1, got {share!r}.")
