"""How a window of tokenized texts is cut into batches: pure arithmetic on lengths.

On CPU every batch holds texts of one length, so nothing is padded and attention needs no mask. On a GPU batches are
large and padded to a common bucket. Both are cut by a budget of work, not by a number of rows.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

CPU_TOKENS = 512
"""Work of one batch on one core: enough rows to fill the matrix units, few enough to stay in the L2 cache."""
GPU_TOKENS = 16_384
_GPU_BUCKET = 16


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of a window that run together, and the common length they are padded to."""

    rows: tuple[int, ...]
    length: int


def plan(lengths: Sequence[int], *, budget: int, hidden: int, max_rows: int, padded: bool) -> list[Batch]:
    """Cut a window into batches, the most expensive first so that the last one ends soon.

    Args:
        lengths: tokens of each text.
        budget: work of one batch in tokens; attention's share grows with the square of the length and is counted.
        hidden: width of the model, which says how much attention weighs.
        max_rows: upper bound on the rows of a batch.
        padded: whether rows of different lengths may share a batch.
    """
    by_length: dict[int, list[int]] = defaultdict(list)
    for row, length in enumerate(lengths):
        by_length[_bucket(length) if padded else length].append(row)
    batches = []
    for length in sorted(by_length, reverse=True):
        rows = by_length[length]
        size = max(1, min(max_rows, int(budget / work(length, hidden))))
        # Equal shares: 9 rows with room for 8 run as 5 + 4.
        size = -(-len(rows) // -(-len(rows) // size))
        for start in range(0, len(rows), size):
            chunk = tuple(rows[start : start + size])
            batches.append(Batch(chunk, min(length, max(lengths[row] for row in chunk))))
    return sorted(batches, key=lambda batch: -len(batch.rows) * work(batch.length, hidden))


def work(length: int, hidden: int) -> float:
    """Cost of one text in tokens: 24 L H^2 + 4 L H S flops a token make attention worth S / 6H more."""
    return max(1, length) * (1 + length / (6 * hidden))


def _bucket(length: int) -> int:
    return -(-length // _GPU_BUCKET) * _GPU_BUCKET
