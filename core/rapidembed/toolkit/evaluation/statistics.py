"""What so few questions can tell: intervals, and whether a difference may be chance."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SAMPLES = 10_000
_PART = 1_000
_LEVEL = 0.05
_ALL_SIGNS = 13
"""Questions up to which every assignment of signs is tried."""
_POWER = 1.96 + 0.84
"""Standard errors that a difference has to be, to be found in four cases of five at the 5 % level."""

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean, and what it may well be over other questions of the kind (95 %)."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two contestants on the same questions.

    Attributes:
        first: name of the better one.
        second: name of the other.
        difference: of their means, and its interval.
        p: how often chance alone would make a difference at least as large.
        needed: questions that would show a difference of this size in four cases of five; None: there is none.
    """

    first: str
    second: str
    difference: Interval
    p: float
    needed: int | None

    @property
    def distinct(self) -> bool:
        """Whether chance is an unlikely reason."""
        return self.p < _LEVEL


def bootstrap(values: Values, seed: int = 0) -> Interval:
    """The mean of a value of each question, with the bootstrap's percentile interval (Efron, 1979)."""
    random = np.random.default_rng(seed)
    means = np.concatenate(
        [values[random.integers(0, len(values), (_PART, len(values)))].mean(axis=1) for _ in range(_SAMPLES // _PART)]
    )
    low, high = np.quantile(means, (_LEVEL / 2, 1 - _LEVEL / 2))
    return Interval(float(values.mean()), float(low), float(high))


def randomization_p(differences: Values, seed: int = 0) -> float:
    """Two-sided p of Fisher's randomization test: the signs of the differences could as well be others.

    Smucker, Allan and Carterette, "A Comparison of Statistical Significance Tests for Information Retrieval
    Evaluation" (CIKM 2007).
    """
    moved = differences[differences != 0]
    if len(moved) == 0:
        return 1.0
    observed = abs(moved.sum()) - 1e-12
    if len(moved) <= _ALL_SIGNS:
        bits = (np.arange(2 ** len(moved))[:, None] >> np.arange(len(moved))) & 1
        return float((np.abs((bits * 2 - 1) @ moved) >= observed).mean())
    random = np.random.default_rng(seed)
    larger = 0
    for _ in range(_SAMPLES // _PART):
        signs = random.integers(0, 2, (_PART, len(moved)), dtype=np.int8) * 2 - 1
        larger += int((np.abs(signs @ moved) >= observed).sum())
    return (larger + 1) / (_SAMPLES + 1)


def compare(names: tuple[str, str], values: tuple[Values, Values], seed: int = 0) -> Comparison:
    """Two contestants by their values of the same questions."""
    first, second = (0, 1) if values[0].mean() >= values[1].mean() else (1, 0)
    differences = values[first] - values[second]
    mean, deviation = float(differences.mean()), float(differences.std(ddof=1)) if len(differences) > 1 else math.inf
    needed = None if mean == 0 or math.isinf(deviation) else max(1, math.ceil((_POWER * deviation / mean) ** 2))
    interval = bootstrap(differences, seed)
    return Comparison(names[first], names[second], interval, randomization_p(differences, seed), needed)
