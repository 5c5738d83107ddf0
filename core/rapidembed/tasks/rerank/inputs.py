"""What callers pass to rerankers: pairs, and what is to be made of their logits."""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal, TypeAlias, get_args

import numpy as np

from rapidembed.runtime import inputs
from rapidembed.tasks.rerank.steps import Pair
from rapidembed.types import Vectors

Activation: TypeAlias = Literal["logit", "sigmoid"]
LabelActivation: TypeAlias = Literal["logit", "sigmoid", "softmax"]


def pairs_of(query: str, documents: Iterable[str]) -> Iterable[Pair]:
    """The query with each document; a list is checked whole, and stays a list."""
    inputs.check_text(query, name="query")
    if inputs.is_single(documents, "documents"):
        raise TypeError("documents must be an iterable of str, got one str; put it into a list.")
    if isinstance(documents, Sequence | np.ndarray):
        return [(query, inputs.check_text(text, index, "documents")) for index, text in enumerate(documents)]
    return ((query, inputs.check_text(text, index, "documents")) for index, text in enumerate(documents))


def checked(pairs: Pair | Iterable[Pair]) -> Iterable[Pair]:
    """The pairs as an iterable; a list is checked whole."""
    if isinstance(pairs, tuple) and len(pairs) == 2 and all(isinstance(text, str) for text in pairs):
        return [(str(pairs[0]), str(pairs[1]))]
    if inputs.is_single(pairs, "pairs"):
        raise TypeError("pairs must be an iterable of pairs (query, document), got one str.")
    if isinstance(pairs, Sequence):
        return [inputs.check_pair(pair, index) for index, pair in enumerate(pairs)]
    return pairs


def activation_of(name: str, known: Sequence[str] = get_args(Activation)) -> Callable[[Vectors], Vectors]:
    """The function of that name, on logits (pairs,) or (pairs, labels).

    Raises:
        ValueError: there is none among the ``known`` ones.
    """
    if name not in known:
        wanted = " or ".join(f'"{each}"' for each in known)
        raise ValueError(f"activation must be {wanted}, got {name!r}.")
    return _ACTIVATIONS[name]


def _softmax(logits: Vectors) -> Vectors:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


_ACTIVATIONS: dict[str, Callable[[Vectors], Vectors]] = {
    "logit": lambda scores: scores,
    # 1 / (1 + exp(-x)) without overflow.
    "sigmoid": lambda scores: np.exp(-np.logaddexp(np.float32(0), -scores)),
    "softmax": _softmax,
}
