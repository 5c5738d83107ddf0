"""How good a ranking is, question by question; values are those of trec_eval, for rankings without equal scores."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


def recall(ranking: Sequence[int], relevant: Mapping[int, float], cutoff: int) -> float:
    """Share of the right passages among the first ``cutoff``."""
    right = {row for row, gain in relevant.items() if gain > 0}
    return len(right & set(ranking[:cutoff])) / len(right)


def reciprocal_rank(ranking: Sequence[int], relevant: Mapping[int, float], cutoff: int) -> float:
    """1 / rank of the first right passage, 0 if it is beyond ``cutoff``."""
    for rank, row in enumerate(ranking[:cutoff], start=1):
        if relevant.get(row, 0) > 0:
            return 1 / rank
    return 0.0


def ndcg(ranking: Sequence[int], relevant: Mapping[int, float], cutoff: int) -> float:
    """Normalized discounted cumulative gain of the first ``cutoff``, with gains as they are.

    Järvelin and Kekäläinen, "Cumulated Gain-Based Evaluation of IR Techniques" (TOIS 2002).
    """
    best = sorted((gain for gain in relevant.values() if gain > 0), reverse=True)[:cutoff]
    found = [max(0.0, relevant.get(row, 0.0)) for row in ranking[:cutoff]]
    return _discounted(found) / _discounted(best)


def _discounted(gains: Sequence[float]) -> float:
    return float(sum(gain / np.log2(rank + 1) for rank, gain in enumerate(gains, start=1)))


def measure(
    rankings: Sequence[Sequence[int]], relevant: Sequence[Mapping[int, float]], cutoffs: Sequence[int]
) -> dict[str, Values]:
    """Values of every question, float64 (questions,), by name: "recall@1" and so on, "mrr@10", "ndcg@10".

    Args:
        rankings: rows of passages, best first, at least as many as the largest cutoff where there are.
        relevant: rows of right passages, with their gains.
        cutoffs: of recall; the largest is that of the others.
    """
    deepest = max(cutoffs)
    both = list(zip(rankings, relevant, strict=True))
    values = {f"recall@{cutoff}": [recall(*each, cutoff) for each in both] for cutoff in cutoffs}
    values[f"mrr@{deepest}"] = [reciprocal_rank(*each, deepest) for each in both]
    values[f"ndcg@{deepest}"] = [ndcg(*each, deepest) for each in both]
    return {name: np.array(each) for name, each in values.items()}
