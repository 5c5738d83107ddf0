"""The arrays that a graph asks for, made of token ids."""

from collections.abc import Mapping, Sequence

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
    values = {}
    for name in inputs:
        if name in extra:
            values[name] = np.array(extra[name], dtype=np.int64)
        elif name == "input_ids":
            values[name] = _rows([text.ids for text in texts], length, pad_id)
        elif name == "attention_mask":
            values[name] = attention_mask(texts, length)
        elif name == "token_type_ids":
            values[name] = _rows([text.types or () for text in texts], length, 0)
        elif name == "position_ids":
            values[name] = np.tile(np.arange(length, dtype=np.int64), (len(texts), 1))
        else:
            raise IntegrityError(f"The graph has an input that this version cannot fill: {name}.")
    return values


def attention_mask(texts: Sequence[TokenIds], length: int) -> Ids:
    """int64 (texts, length): 1 for tokens that the others see."""
    return (np.arange(length) < np.array([[_attended(text)] for text in texts])).astype(np.int64)


def _attended(text: TokenIds) -> int:
    return len(text.ids) if text.attended is None else text.attended


def _rows(rows: Sequence[Sequence[int]], length: int, filling: int) -> Ids:
    if all(len(row) == length for row in rows):
        return np.array(rows, dtype=np.int64)
    array = np.full((len(rows), length), filling, dtype=np.int64)
    for place, row in zip(array, rows, strict=True):
        place[: len(row)] = row
    return array
