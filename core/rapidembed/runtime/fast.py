"""What ``precision="fast"`` means: the fastest way to compute that loses next to nothing, by a published table.

The table, ``data/precision.json``, holds what the benchmarks measured on a CPU with VNNI: the change of nDCG@10 in
points of 100 and the mean cosine of short queries, and the speed as a multiple of float32's. See docs/precision.md.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from rapidembed.hub import Checkpoint
from rapidembed.runtime.backends import BACKENDS, DEFAULT, FLOAT32, Numbers, can_compute, float32
from rapidembed.types import Precision

MOST_POINTS = 0.1
"""Points of nDCG@10 that may be lost."""
_TABLE = Path(__file__).parent / "data" / "precision.json"


@dataclass(frozen=True, slots=True)
class Choice:
    """A row of the table."""

    precision: Precision
    backend: str
    speed: float
    ndcg_change: float
    cosine: float


def table() -> list[Choice]:
    """Every choice, the fastest first."""
    text = _TABLE.read_text(encoding="utf-8")
    return sorted((Choice(**row) for row in json.loads(text)), key=lambda choice: -choice.speed)


def fastest(backend: str, checkpoint: Checkpoint | None = None) -> Numbers:
    """The fastest choice that loses at most ``MOST_POINTS`` and can be had here.

    Args:
        backend: the default leaves the backend open; another is kept to.
        checkpoint: the model, where one is meant; what cannot compute it is left out.
    """
    for choice in table():
        kept = backend in (DEFAULT, choice.backend)
        numbers = Numbers(choice.precision, choice.backend)
        if kept and choice.ndcg_change >= -MOST_POINTS and can_compute(numbers, checkpoint):
            return float32(checkpoint) if numbers == FLOAT32 else numbers
    return BACKENDS[backend].numbers("auto")
