"""Join the results of several searches, such as dense and lexical, into one ranking.

Every function returns pairs (item, fused score), best first; of equal ones the first mentioned comes first. Items may
be anything hashable: numbers, ids, texts.
"""

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeAlias, TypeVar

from rapidembed.runtime.inputs import check_positive

Item = TypeVar("Item", bound=Hashable)
Scores: TypeAlias = Mapping[Item, float] | Iterable[tuple[Item, float]]
"""Scores of one search: a mapping, or pairs (item, score)."""


def reciprocal_rank(
    rankings: Sequence[Sequence[Item]], *, k: int = 60, weights: Sequence[float] | None = None
) -> list[tuple[Item, float]]:
    """Reciprocal rank fusion: an item scores ``sum of weight / (k + rank)`` over the rankings that have it.

    It needs no scores, so searches whose scores cannot be compared may be joined. Cormack, Clarke and Büttcher,
    "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods" (SIGIR 2009), where k is 60.

    Example:
        >>> from rapidembed.toolkit import fuse
        >>> fused = fuse.reciprocal_rank([["a", "b", "c"], ["b", "d"]])
        >>> [item for item, score in fused]
        ['b', 'a', 'd', 'c']

    Args:
        rankings: items of each search, best first, at rank 1.
        k: how little the first ranks stand out.
        weights: what each ranking counts; None: all the same, 1.

    Raises:
        ValueError: a ranking has an item twice, or weights or k are impossible.
    """
    check_positive("k", k)
    fused: dict[Item, float] = {}
    for number, (ranking, weight) in enumerate(zip(rankings, _weights(weights, len(rankings)), strict=True)):
        if len(set(ranking)) < len(ranking):
            raise ValueError(f"rankings[{number}] names an item twice.")
        for rank, item in enumerate(ranking, start=1):
            fused[item] = fused.get(item, 0.0) + weight / (k + rank)
    return _ranked(fused)


def weighted(searches: Sequence[Scores[Item]], weights: Sequence[float] | None = None) -> list[tuple[Item, float]]:
    """The weighted sum of scores as they are; an item that a search did not find scores 0 there.

    For scores on one scale. Fox and Shaw, "Combination of Multiple Searches" (TREC-2, 1994), CombSUM.

    Raises:
        ValueError: a search scores an item twice, a score is not finite, or weights do not fit.
    """
    return _sum([_mapping(number, scores) for number, scores in enumerate(searches)], weights)


def relative_score(
    searches: Sequence[Scores[Item]], weights: Sequence[float] | None = None
) -> list[tuple[Item, float]]:
    """The weighted sum of scores that were first brought to 0 (a search's worst) to 1 (its best).

    An item that a search did not find scores 0 there; where all that it found score the same, they score 1. Lee,
    "Analyses of Multiple Evidence Combination" (SIGIR 1997) for the scaling; Bruch, Gai and Ingber, "An Analysis of
    Fusion Functions for Hybrid Retrieval" (TOIS 2023) find such sums better than reciprocal ranks where a few examples
    tell the weights.

    Example:
        >>> from rapidembed.toolkit import fuse
        >>> fuse.relative_score([{"a": 9.0, "b": 5.0, "c": 1.0}, {"b": 0.8, "d": 0.6}], weights=[0.5, 0.5])
        [('b', 0.75), ('a', 0.5), ('c', 0.0), ('d', 0.0)]

    Raises:
        ValueError: a search scores an item twice, a score is not finite, or weights do not fit.
    """
    return _sum([_scaled(_mapping(number, scores)) for number, scores in enumerate(searches)], weights)


def _sum(searches: list[dict[Item, float]], weights: Sequence[float] | None) -> list[tuple[Item, float]]:
    fused: dict[Item, float] = {}
    for scores, weight in zip(searches, _weights(weights, len(searches)), strict=True):
        for item, score in scores.items():
            fused[item] = fused.get(item, 0.0) + weight * score
    return _ranked(fused)


def _scaled(scores: dict[Item, float]) -> dict[Item, float]:
    least, most = min(scores.values(), default=0.0), max(scores.values(), default=0.0)
    if least == most:
        return dict.fromkeys(scores, 1.0)
    return {item: (score - least) / (most - least) for item, score in scores.items()}


def _mapping(number: int, scores: Scores[Item]) -> dict[Item, float]:
    pairs = list(scores.items() if isinstance(scores, Mapping) else scores)
    mapping = {item: float(score) for item, score in pairs}
    if len(mapping) < len(pairs):
        raise ValueError(f"searches[{number}] scores an item twice.")
    for item, score in mapping.items():
        if not math.isfinite(score):
            raise ValueError(f"searches[{number}] scores {item!r} with {score}; scores must be finite.")
    return mapping


def _weights(weights: Sequence[float] | None, count: int) -> Sequence[float]:
    if weights is None:
        return [1.0] * count
    if len(weights) != count:
        raise ValueError(f"weights must have one number for each of the {count} searches, got {len(weights)}.")
    for weight in weights:
        if not math.isfinite(weight) or weight < 0:
            raise ValueError(f"weights must be finite numbers from 0 on, got {weight!r}.")
    return weights


def _ranked(fused: dict[Item, float]) -> list[tuple[Item, float]]:
    return sorted(fused.items(), key=lambda pair: -pair[1])
