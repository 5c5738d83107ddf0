"""Sets of vectors in groups that fit into the cache."""

from collections.abc import Iterator, Sequence


def chunks(lengths: Sequence[int], vectors: int, sets: int | None = None) -> Iterator[tuple[int, int]]:
    """Cut a list of sets into runs (start, end).

    Args:
        lengths: vectors in each set.
        vectors: most vectors of a run, unless one set has more.
        sets: most sets of a run; None: any number.
    """
    start = count = 0
    for end, length in enumerate(lengths):
        if end > start and (count + length > vectors or end - start == sets):
            yield start, end
            start, count = end, 0
        count += length
    if lengths:
        yield start, len(lengths)
