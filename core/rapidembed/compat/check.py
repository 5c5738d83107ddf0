"""Which way of calling gives the vectors that an index holds."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rapidembed.compat.common.utils import normalize
from rapidembed.errors import RapidEmbedError

MATCH, CLOSE = 1e-5, 1e-3
"""Largest distance, 1 - cosine, of vectors that are the same but for rounding, and of those that rank alike."""


class Match(NamedTuple):
    """How near the vectors of one way are to those of an index."""

    way: str
    """As in Python."""
    worst: float | None
    """Largest 1 - cosine over the texts; None: the model could not be used this way."""
    reason: str = ""
    """Why it could not."""

    @property
    def verdict(self) -> str:
        """In a word."""
        if self.worst is None:
            return "not tried"
        return "the same" if self.worst <= MATCH else "close" if self.worst <= CLOSE else "different"


def compare(
    model_name: str, stored: NDArray[Any], texts: Sequence[str], options: Mapping[str, Any] | None = None
) -> list[Match]:
    """Compare an index with what this library computes, by direction: many indexes scale vectors to length 1.

    Args:
        model_name: the model that the index was made with.
        stored: (texts, dimensions), what it holds.
        texts: what it was made of, in the same order.
        options: for both classes, such as ``cache_dir``.

    Returns:
        The ways, the nearest first.

    Raises:
        ValueError: there is not one vector for each text, or vectors are of another width than the model's.
    """
    if stored.ndim != 2 or len(stored) != len(texts) or not len(texts):
        raise ValueError(f"{len(texts)} texts need an array ({len(texts)}, dimensions), got {stored.shape}.")
    found = list(_tried(model_name, stored, texts, dict(options or {})))
    return sorted(found, key=lambda match: np.inf if match.worst is None else match.worst)


def _tried(model_name: str, stored: NDArray[Any], texts: Sequence[str], options: dict[str, Any]) -> Iterator[Match]:
    from rapidembed import TextEmbedding
    from rapidembed.compat.text import TextEmbedding as Compat

    openers: dict[type, dict[str, Callable[[Any], NDArray[Any]]]] = {
        Compat: {"rapidembed.compat.TextEmbedding.embed": lambda model: np.stack(list(model.embed(texts)))},
        TextEmbedding: {
            "rapidembed.TextEmbedding.encode_document": lambda model: model.encode_document(texts),
            "rapidembed.TextEmbedding.encode": lambda model: model.encode(texts),
        },
    }
    for kind, ways in openers.items():
        try:
            model = kind(model_name, **options)
        except RapidEmbedError as error:
            yield from (Match(way, None, str(error)) for way in ways)
            continue
        yield from (Match(way, _distance(stored, vectors(model))) for way, vectors in ways.items())


def _distance(stored: NDArray[Any], computed: NDArray[Any]) -> float:
    if stored.shape != computed.shape:
        raise ValueError(f"The index has {stored.shape[1]} dimensions, the model {computed.shape[1]}.")
    one, two = (normalize(vectors.astype(np.float64)) for vectors in (stored, computed))
    return float(max(0, (1 - (one * two).sum(axis=1)).max()))
