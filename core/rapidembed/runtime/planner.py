"""How a window of tokenized texts is cut into batches: pure arithmetic on lengths.

On CPU every batch holds texts of one length, so nothing is padded and attention needs no mask. On a GPU batches are
large and padded to a common bucket. Both are cut by a budget of work, not by a number of rows.
"""

import heapq
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

_CPU_BUDGETS = (512, 384, 256, 192, 128)
"""Work of one batch on one core: enough rows to fill the matrix units, few enough to stay in the L2 cache. Less than
the first is for windows so small that cores would wait for the last batch."""
_MANY_TURNS = 16
"""Batches of full size for each worker, behind which it does not matter when the last one ends."""
_BATCH = 16
"""What a batch costs beside its texts, in tokens: weights are read once more."""
_PACKED_BUDGET = 512
"""Work of a batch whose texts are not padded: so much that calls cost little beside it."""
_UNEVEN = 1.5
"""How much longer than its share a text may take before it is better to share it too."""
_GPU_BUDGET = 16_384
_GPU_BUCKET = 16


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of a window that run together, and the common length they are padded to."""

    rows: tuple[int, ...]
    length: int


def plan_cpu(lengths: Sequence[int], *, hidden: int, max_rows: int, workers: int, width: int) -> list[Batch]:
    """Cut a window into batches of texts of one length, the most expensive first so that the last one ends soon.

    Args:
        lengths: tokens of each text.
        hidden: width of the model, which says how much attention weighs.
        max_rows: upper bound on the rows of a batch.
        workers: batches that run at the same time.
        width: cores that each of them takes.
    """
    groups: dict[int, list[int]] = defaultdict(list)
    for row, length in enumerate(lengths):
        groups[length].append(row)
    full = width * _CPU_BUDGETS[0]
    total = sum(len(rows) * work(length, hidden) for length, rows in groups.items())
    if workers == 1 or total > _MANY_TURNS * workers * full:
        return _cut(groups, full, hidden, max_rows)
    plans = (_cut(groups, width * budget, hidden, max_rows) for budget in _CPU_BUDGETS)
    return min(plans, key=lambda batches: _end(batches, hidden, workers, width * _BATCH))


def plan_packed(lengths: Sequence[int], *, hidden: int, max_rows: int, workers: int) -> list[Batch]:
    """Cut a window into batches of texts of any lengths, which are not padded, all of about the same cost.

    A window of little but one text is one batch, for all cores together. Arguments are those of :func:`plan_cpu`.
    """
    costs = [work(length, hidden) for length in lengths]
    total, most = sum(costs), max(costs, default=0.0)
    if len(lengths) <= max_rows and most * workers > _UNEVEN * total:
        return [_batch(range(len(lengths)), lengths)] if lengths else []
    count = max(math.ceil(total / _PACKED_BUDGET), math.ceil(len(lengths) / max_rows))
    count = min(len(lengths), math.ceil(count / workers) * workers)
    batches: list[list[int]] = [[] for _ in range(count)]
    lightest = [(0.0, number) for number in range(count)]
    for row in sorted(range(len(lengths)), key=lambda row: -costs[row]):
        cost, number = heapq.heappop(lightest)
        batches[number].append(row)
        if len(batches[number]) < max_rows:
            heapq.heappush(lightest, (cost + costs[row], number))
    return [_batch(rows, lengths) for rows in batches]


def _batch(rows: Sequence[int], lengths: Sequence[int]) -> Batch:
    return Batch(tuple(rows), max(lengths[row] for row in rows))


def plan_gpu(lengths: Sequence[int], *, hidden: int, max_rows: int) -> list[Batch]:
    """Cut a window into batches of texts of about one length; arguments are those of :func:`plan_cpu`."""
    groups: dict[int, list[int]] = defaultdict(list)
    for row, length in enumerate(lengths):
        groups[bucket(length)].append(row)
    batches = _cut(groups, _GPU_BUDGET, hidden, max_rows)
    return [Batch(batch.rows, max(lengths[row] for row in batch.rows)) for batch in batches]


def bucket(length: int) -> int:
    """The length up to which texts share a batch on a GPU."""
    return -(-length // _GPU_BUCKET) * _GPU_BUCKET


def work(length: int, hidden: int) -> float:
    """Cost of one text in tokens: 24 L H^2 + 4 L H S flops a token make attention worth S / 6H more."""
    return max(1, length) * (1 + length / (6 * hidden))


def _cut(groups: Mapping[int, Sequence[int]], budget: float, hidden: int, max_rows: int) -> list[Batch]:
    """Batches of at most ``budget`` and ``max_rows``, or of one row, of rows that are grouped by length."""
    batches = []
    for length, rows in sorted(groups.items(), reverse=True):
        size = max(1, min(max_rows, int(budget / work(length, hidden))))
        count = -(-len(rows) // size)
        for number in range(count):  # equal shares: 9 rows with room for 8 run as 4 + 5
            share = rows[number * len(rows) // count : (number + 1) * len(rows) // count]
            batches.append(Batch(tuple(share), length))
    return sorted(batches, key=lambda batch: -_cost(batch, hidden))


def _cost(batch: Batch, hidden: int) -> float:
    return len(batch.rows) * work(batch.length, hidden)


def _end(batches: Iterable[Batch], hidden: int, workers: int, each: float) -> float:
    """When the last of the batches is done, if each goes to the first worker that is free."""
    ends = [0.0] * workers
    for batch in batches:
        ends[ends.index(min(ends))] += _cost(batch, hidden) + each
    return max(ends)
