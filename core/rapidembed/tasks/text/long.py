"""Texts beyond the token limit, read in several parts; every text is tokenized once."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from rapidembed.names import LongText
from rapidembed.runtime.engine import TextTokenizer
from rapidembed.runtime.tokenizer import Located, TokenIds
from rapidembed.tasks.call import Call
from rapidembed.tasks.results import Chunk
from rapidembed.tasks.text.splitting import Run, split
from rapidembed.types import Vectors

T = TypeVar("T")
_CONTEXT = 8
"""A window of late chunking shares an eighth of its tokens with the next one."""


@dataclass(frozen=True, slots=True)
class Piece(TokenIds):
    """What the model reads at once: a part of a text, or all of it."""

    sums: tuple[tuple[int, Run], ...] = ()
    """For token vectors: which of its tokens count for which of the text's chunks."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A text in pieces.

    Attributes:
        pieces: of the model's input.
        weights: tokens of the text in each piece; of token vectors in each chunk.
    """

    pieces: list[Piece]
    weights: list[int]


@dataclass(frozen=True, slots=True)
class Cutter:
    """Cuts texts as a call wants it.

    Attributes:
        call: its prompt stands before every piece, and its limit holds.
        tokenizer: the model's.
        late: windows that overlap, of token vectors, instead of parts.
    """

    call: Call
    tokenizer: TextTokenizer
    late: bool = False

    def cut(self, text: str, index: int | None = None) -> Cut:
        """All of a text; of one that fits the only piece is what the model reads of it anyway."""
        located, first = self._located(text, index)
        if len(located.ids) <= self._room:
            ids = located.prefix + located.ids + located.suffix
            return Cut([Piece(ids, False, sums=((0, (0, len(ids))),))], [len(ids)])
        rest = self._rest(located, first)
        chunks = [(0, len(rest))] if self.late else self._runs(text, located, first, self._room - first)
        return self._pieces(text, located, first, chunks)

    def chunks(self, text: str, most: int | None, overlap: int) -> tuple[list[Chunk], Cut]:
        """A text in chunks of at most ``most`` tokens, and what the model reads of them.

        Raises:
            ValueError: chunks of that size do not fit, or the overlap is as large.
        """
        located, first = self._located(text, None)
        room = self._room - first
        if most is not None and most > room and not self.late:
            raise ValueError(f"max_tokens must be at most {room}, what fits into the model's window; got {most}.")
        size = most or room
        if not 0 <= overlap < size:
            raise ValueError(f"overlap must be from 0 to below {size}, the tokens of a chunk; got {overlap}.")
        runs = self._runs(text, located, first, size, overlap)
        rest = self._rest(located, first)
        found = []
        for start, end in runs:
            span = rest[start][0], rest[end - 1][1]
            found.append(Chunk(text[span[0] : span[1]], *span, end - start))
        return found, self._pieces(text, located, first, runs)

    @property
    def _room(self) -> int:
        return self.call.max_tokens - self.tokenizer.special_tokens

    def _located(self, text: str, index: int | None) -> tuple[Located, int]:
        """The tokens, the prompt's among them, and how many of them are the prompt's."""
        located = self.tokenizer.locate(self.call.prepare(text, index))
        self.call.texts += 1
        length = len(self.call.prompt)
        return located, sum(begin < length for begin, _ in located.offsets) if length else 0

    def _rest(self, located: Located, first: int) -> list[tuple[int, int]]:
        """Where the text's own tokens stand in it."""
        length = len(self.call.prompt)
        return [(begin - length, end - length) for begin, end in located.offsets[first:]]

    def _runs(self, text: str, located: Located, first: int, most: int, overlap: int = 0) -> list[Run]:
        if most < 1:
            raise ValueError(f"The prompt {self.call.prompt!r} leaves no room for a text of more than the limit.")
        return split(text, self._rest(located, first), most, overlap)

    def _pieces(self, text: str, located: Located, first: int, chunks: Sequence[Run]) -> Cut:
        if not self.late:
            return Cut([_piece(located, first, run) for run in chunks], [end - start for start, end in chunks])
        room = self._room - first
        windows = self._runs(text, located, first, room, room // _CONTEXT)
        before = len(located.prefix) + first
        edges = [0, *((a + b) // 2 for (_, a), (b, _) in pairwise(windows)), len(located.ids)]
        pieces = []
        for (start, end), (low, high) in zip(windows, pairwise(edges), strict=True):
            own = ((number, (max(a, low), min(b, high))) for number, (a, b) in enumerate(chunks))
            sums = ((number, (a - start + before, b - start + before)) for number, (a, b) in own if a < b)
            pieces.append(_piece(located, first, (start, end), tuple(sums)))
        return Cut(pieces, [end - start for start, end in chunks])


def _piece(located: Located, first: int, run: Run, sums: tuple[tuple[int, Run], ...] = ()) -> Piece:
    own = located.ids[first + run[0] : first + run[1]]
    return Piece(located.prefix + located.ids[:first] + own + located.suffix, False, sums=sums)


def pooled_tokens(piece: TokenIds, output: NDArray[np.float32]) -> dict[int, Vectors]:
    """The sum of the token vectors of each chunk in a piece, by the chunk's number."""
    sums = piece.sums if isinstance(piece, Piece) else ()
    return {number: output[start:end].sum(axis=0) for number, (start, end) in sums}


def chunk_vectors(cut: Cut, results: Sequence[dict[int, Vectors]]) -> Vectors:
    """The mean token vector of each chunk, float32 (chunks, dim)."""
    totals = [
        np.sum([result[number] for result in results if number in result], axis=0) for number in range(len(cut.weights))
    ]
    return np.asarray(np.stack(totals) / np.array(cut.weights, dtype=np.float32)[:, None], dtype=np.float32)


def combined(vectors: Vectors, weights: Sequence[int], how: LongText) -> Vectors:
    """One vector of those of a text's pieces, float32 (dim,)."""
    if len(vectors) == 1:
        return np.asarray(vectors[0])
    if how == "max":
        return np.asarray(vectors.max(axis=0))
    if how == "mean":
        return np.asarray(vectors.mean(axis=0))
    return np.asarray(np.average(vectors, axis=0, weights=weights), dtype=np.float32)


@dataclass(slots=True)
class Regrouped(Generic[T]):
    """Results of pieces back to their texts, while both pass by."""

    cutter: Cutter
    _cuts: deque[Cut] = field(default_factory=deque)
    _left: list[T] = field(default_factory=list)

    def pieces(self, texts: Iterable[str]) -> Iterator[Piece]:
        """The pieces of texts, as they are read."""
        for index, text in enumerate(texts):
            cut = self.cutter.cut(text, index)
            self._cuts.append(cut)
            yield from cut.pieces

    def texts(self, results: Sequence[T]) -> Iterator[tuple[Cut, list[T]]]:
        """The texts whose last piece is among these results, each with its own."""
        self._left.extend(results)
        while self._cuts and len(self._left) >= len(self._cuts[0].pieces):
            cut = self._cuts.popleft()
            count = len(cut.pieces)
            yield cut, self._left[:count]
            del self._left[:count]
