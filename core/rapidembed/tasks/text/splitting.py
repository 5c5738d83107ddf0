"""Where a text that is too long is cut: between sentences, else between words."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

Offsets = Sequence[tuple[int, int]]
"""Where each token begins and ends in the text, in characters."""
Run = tuple[int, int]
"""Tokens from the first to before the second."""

_SENTENCE_END = re.compile(r"(?:[.!?…]+[\"')\]»”’]*\s+|[。！？]+[」』”]*\s*|\n+\s*)")  # noqa: RUF001


def split(text: str, offsets: Offsets, most: int, overlap: int = 0) -> list[Run]:
    """Runs of at most ``most`` tokens that cover all of them, each begun between sentences where one is near.

    Args:
        text: the text.
        offsets: of its tokens.
        most: tokens in a run.
        overlap: about so many tokens of a run stand in the next one too; whole sentences, or words.
    """
    if len(offsets) <= most:
        return [(0, len(offsets))] if offsets else []
    begins = [begin for begin, _ in offsets]
    ends = (found.end() for found in _SENTENCE_END.finditer(text))
    sentences = sorted({bisect_left(begins, end) for end in ends})
    words = [i for i in range(1, len(offsets)) if begins[i] > offsets[i - 1][1] or text[begins[i]].isspace()]
    runs, start = [], 0
    while len(offsets) - start > most:
        end = _last(sentences, start + most // 2, start + most) or _last(words, start, start + most) or start + most
        runs.append((start, end))
        start = (_first(sentences, max(start + 1, end - overlap), end) or _next_word(words, start, end, overlap)) or end
    return [*runs, (start, len(offsets))]


def _last(places: list[int], after: int, until: int) -> int | None:
    """The last of the sorted places that is above ``after`` and at most ``until``."""
    found = bisect_right(places, until) - 1
    return places[found] if found >= 0 and places[found] > after else None


def _first(places: list[int], since: int, before: int) -> int | None:
    """The first of the sorted places from ``since`` on, below ``before``."""
    found = bisect_left(places, since)
    return places[found] if found < len(places) and places[found] < before else None


def _next_word(words: list[int], start: int, end: int, overlap: int) -> int | None:
    return _first(words, max(start + 1, end - overlap), end) if overlap else None
