"""Texts read in parts by a text model; see ``long_text`` of :class:`rapidembed.TextEmbedding`."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import numpy as np

from rapidembed.runtime.inputs import check_positive
from rapidembed.runtime.sinks import ListSink, Sink, VectorSink
from rapidembed.runtime.tokenizer import TokenIds
from rapidembed.tasks.bulk import Bulk
from rapidembed.tasks.call import Call
from rapidembed.tasks.lone import Lone, windowed
from rapidembed.tasks.results import Chunk
from rapidembed.tasks.steps import ReadySteps
from rapidembed.tasks.text.long import Cut, Cutter, Piece, Regrouped, chunk_vectors, combined, pooled_tokens
from rapidembed.tasks.text.model import TextModel
from rapidembed.tasks.unit import unit_rows
from rapidembed.types import Vectors


@dataclass(frozen=True, slots=True)
class LongReader:
    """Reads texts in parts."""

    model: TextModel

    def rows(self, call: Call, texts: Iterable[str], bulk: Bulk) -> Iterator[Vectors]:
        """Vectors of whole texts, float32 (some texts, dim)."""
        grouped: Regrouped[Any] = Regrouped(self._cutter(call))
        for window in self._read(call, grouped.pieces(texts), bulk):
            done = [self._whole(cut, results) for cut, results in grouped.texts(window)]
            if done:
                yield np.stack(done)

    def one(self, call: Call, text: str) -> Vectors:
        """The vector of a lone text, float32 (dim,)."""
        cut = self._cutter(call).cut(text)
        if len(cut.pieces) == 1:
            alone = Lone(ReadySteps[Piece](), windowed(self._sink, itemgetter(0)), call.extra)
            results = [self.model.run_lone(cut.pieces[0], alone)]
        else:
            windows = self._read(call, cut.pieces, Bulk(len(cut.pieces), None, False))
            results = [result for window in windows for result in window]
        return self._whole(cut, results)

    def token_count(self, call: Call, texts: Iterable[str]) -> int:
        """Tokens over all texts as the model reads them."""
        cutter = self._cutter(call)
        return sum(len(piece.ids) for index, text in enumerate(texts) for piece in cutter.cut(text, index).pieces)

    def chunks(self, text: str, most: int | None, overlap: int) -> tuple[list[Chunk], Cut]:
        """See :meth:`rapidembed.TextEmbedding.chunks`; and what the model reads of them."""
        if most is not None:
            check_positive("max_tokens", most)
        if isinstance(overlap, bool) or not isinstance(overlap, int):
            raise ValueError(f"overlap must be a whole number, got {overlap!r}.")
        return self._cutter(self.model.call("document")).chunks(text, most, overlap)

    def encode_chunks(self, text: str, most: int | None, overlap: int, bulk: Bulk) -> tuple[list[Chunk], Vectors]:
        """See :meth:`rapidembed.TextEmbedding.encode_chunks`."""
        chunks, cut = self.chunks(text, most, overlap)
        if not chunks:
            return [], np.empty((0, self.model.dimensions), dtype=np.float32)
        results = [result for window in self._read(self.model.call("document"), cut.pieces, bulk) for result in window]
        return chunks, self.model.finish(self._vectors(cut, results), "document")

    def _read(self, call: Call, pieces: Iterable[Piece], bulk: Bulk) -> Iterator[Any]:
        """What the model makes of pieces: vectors, or of token vectors their sums by chunk."""
        return self.model.windows(pieces, ReadySteps[Piece](), self._sink, bulk, call.extra)

    def _vectors(self, cut: Cut, results: Sequence[Any]) -> Vectors:
        """The vector of each part of a text."""
        if self.model.long_text == "late":
            return chunk_vectors(cut, results)
        vectors = np.stack(results)
        return unit_rows(vectors) if self.model.normalize else vectors

    def _whole(self, cut: Cut, results: Sequence[Any]) -> Vectors:
        """A text's one vector."""
        return combined(self._vectors(cut, results), cut.weights, self.model.long_text)

    def _cutter(self, call: Call) -> Cutter:
        return Cutter(call, self.model.engine.tokenizer, late=self.model.long_text == "late")

    @property
    def _sink(self) -> Sink[TokenIds, Any]:
        return ListSink(pooled_tokens) if self.model.long_text == "late" else VectorSink(self.model.spec.dim)
