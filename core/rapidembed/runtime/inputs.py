"""Checks of what callers pass, before any work begins."""

from collections.abc import Iterable, Mapping
from numbers import Integral
from typing import Any, TypeGuard

_PARALLEL_HELP = "None or 0 for all cores, or the number of cores to use"


def check_text(text: object, index: int | None = None, name: str = "texts") -> str:
    """Return ``text``, or raise a TypeError that names its index."""
    if isinstance(text, str):
        return text
    where = f"{name}[{index}]" if index is not None else "The text" if name == "texts" else name
    raise TypeError(f"{where} must be a str, got {type(text).__name__}{_hint(text)}.")


def check_pair(pair: object, index: int) -> tuple[str, str]:
    """Return a pair of texts, or raise a TypeError that names its index."""
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        what = f"{len(pair)} items" if isinstance(pair, tuple | list) else type(pair).__name__
        raise TypeError(f"pairs[{index}] must be two texts, (query, document); got {what}.")
    first, second = (check_text(text, part, f"pairs[{index}]") for part, text in enumerate(pair))
    return first, second


def is_single(texts: object, name: str = "texts") -> TypeGuard[str]:
    """Whether one text was passed; raises a TypeError where it is neither a text nor an iterable of texts."""
    if isinstance(texts, str):
        return True
    if isinstance(texts, bytes | bytearray | memoryview | Mapping | set | frozenset) or not isinstance(texts, Iterable):
        raise TypeError(f"{name} must be a str or an iterable of str, got {type(texts).__name__}{_hint(texts)}.")
    ndim = getattr(texts, "ndim", 1)
    if ndim != 1:  # a data frame iterates over its column names
        raise TypeError(f"{name} must have one dimension, got {type(texts).__name__} with {ndim}; pass one column.")
    return False


def check_positive(name: str, value: object) -> int:
    """Return ``value`` if it is a positive int, else raise a ValueError that names the argument."""
    if type(value) is int and value > 0:
        return value
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{name} must be a positive integer, got {value!r}.")
    return int(value)


def check_parallel(value: object) -> int | None:
    """Fastembed's ``parallel``: None and 0 mean all cores."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 0:
        raise ValueError(f"parallel must be {_PARALLEL_HELP}; got {value!r}.")
    return int(value) or None


def _hint(value: Any) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return '; decode it first: text.decode("utf-8")'
    if value is None:
        return "; replace missing values, for example by an empty string"
    return ""


def repair(text: str) -> tuple[str, bool]:
    """Text without lone surrogates, which no tokenizer takes, and whether it had any.

    Surrogates that form a pair become the character they stand for; the others become U+FFFD.
    """
    if text.isascii():
        return text, False
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"), True
    return text, False
