"""The arrays that a graph asks for, made of token ids."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rapidembed.errors import IntegrityError
from rapidembed.runtime.tokenizer import TokenIds

Ids = NDArray[np.int64]


def feeds(
    inputs: frozenset[str], texts: Sequence[TokenIds], length: int, *, pad_id: int, extra: Mapping[str, int]
) -> dict[str, Ids]:
    """A value for each of ``inputs``.

    Args:
        inputs: names of the graph's inputs.
        texts: the rows of a batch, none longer than ``length``.
        length: tokens that every row is padded to.
        pad_id: token that rows are padded with.
        extra: numbers by name, see :meth:`rapidembed.runtime.engine.Engine.run`.

    Raises:
        IntegrityError: the graph has an input that nothing is known for.
    """
    known: dict[str, Callable[[], Ids]] = {
        "input_ids": lambda: _rows([text.ids for text in texts], length, pad_id),
        "attention_mask": lambda: attention_mask(texts, length),
        "token_type_ids": lambda: _rows([text.types or () for text in texts], length, 0),
        "position_ids": lambda: np.tile(np.arange(length, dtype=np.int64), (len(texts), 1)),
    }
    if unknown := inputs - known.keys() - extra.keys():
        raise IntegrityError(f"The graph has inputs that this version cannot fill: {', '.join(sorted(unknown))}.")
    numbers = {name: np.array(value, dtype=np.int64) for name, value in extra.items() if name in inputs}
    return numbers | {name: known[name]() for name in inputs - numbers.keys()}


def attention_mask(texts: Sequence[TokenIds], length: int) -> Ids:
    """int64 (texts, length): 1 for tokens that the others see."""
    return (np.arange(length) < np.array([[_attended(text)] for text in texts])).astype(np.int64)


def _attended(text: TokenIds) -> int:
    return len(text.ids) if text.attended is None else text.attended


def _rows(rows: Sequence[Sequence[int]], length: int, filling: int) -> Ids:
    array = np.full((len(rows), length), filling, dtype=np.int64)
    for place, row in zip(array, rows, strict=True):
        place[: len(row)] = row
    return array
