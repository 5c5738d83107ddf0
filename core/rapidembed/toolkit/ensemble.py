"""Several wordings of one question, searched at once: what one of them misses another finds."""

from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, TypeVar

from rapidembed.runtime.inputs import check_positive, is_single
from rapidembed.toolkit.fuse import reciprocal_rank
from rapidembed.types import Vectors

if TYPE_CHECKING:
    from rapidembed.tasks.text.facade import TextEmbedding

Item = TypeVar("Item", bound=Hashable)


def search_all(
    model: "TextEmbedding",
    wordings: Sequence[str],
    search: Callable[[Vectors], Sequence[Sequence[Item]]],
    *,
    k: int = 10,
    weights: Sequence[float] | None = None,
) -> list[tuple[Item, float]]:
    """Embed all wordings of a question in one batch, search for each, and join the rankings by reciprocal ranks.

    Example:
        >>> import numpy as np
        >>> from rapidembed import TextEmbedding
        >>> from rapidembed.toolkit.ensemble import search_all
        >>> notes = ["The office is closed at Christmas.", "Expenses are refunded within ten days."]
        >>> model = TextEmbedding("builtin:static-en")
        >>> vectors = model.encode_document(notes)
        >>> def search(queries):
        ...     return np.argsort(-(queries @ vectors.T), axis=1).tolist()
        >>> found = search_all(model, ["When is my money back?", "refund of expenses"], search, k=1)
        >>> notes[found[0][0]]
        'Expenses are refunded within ten days.'

    Args:
        model: embeds them, as queries.
        wordings: the question, and rewrites of it, such as a language model's.
        search: from float32 (wordings, dimensions) to a ranking of items for each, best first; :meth:`search` of a
            :class:`rapidembed.toolkit.PackedIndex` gives such as its first result.
        k: items to give back.
        weights: what each wording counts; None: all the same.

    Returns:
        (item, fused score), best first.

    Raises:
        ValueError: there is no wording, ``search`` gives another number of rankings, or an argument is impossible.
        TypeError: a wording is not a str.
    """
    check_positive("k", k)
    if is_single(wordings, "wordings") or not wordings:
        raise ValueError("wordings must be a list of at least one text.")
    rankings = [list(ranking) for ranking in search(model.encode_query(wordings))]
    if len(rankings) != len(wordings):
        raise ValueError(f"search must give a ranking for each of {len(wordings)} wordings, got {len(rankings)}.")
    return reciprocal_rank(rankings, weights=weights)[:k]
