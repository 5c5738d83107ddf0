"""The models that are used, shared by all threads and replaced while they are used, and what they should give."""

import dataclasses
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rapidembed
from rapidembed import SparseEmbedding

from tests.fakes import compare
from tests.fuzz.models import BASES

KINDS = {
    "dense": "layout_5_full",
    "native": "wide bert",
    "static": "static unigram",
    "sparse": "splade splade",
    "late": "colbert fixed",
    "rerank": "reranker plain",
    "hybrid": "hybrid",
    "pictures": "clip",
}
"""Each task, and a model of :data:`tests.fuzz.models.BASES` for it."""
_WORDS = (
    "the",
    "quick",
    "fox",
    "jumps",
    "over",
    "lazy",
    "dog",
    "hello",
    "world",
    "caf\N{LATIN SMALL LETTER E WITH ACUTE}",
)
TEXTS = [" ".join(_WORDS[(i * k) % len(_WORDS)] for k in range(1 + i % 9 * 3)) for i in range(24)]
QUERY = "the lazy dog"


def _pictures() -> list[Any]:
    draw = np.random.default_rng(1)
    return [draw.integers(0, 255, (8 + i % 5 * 7, 9 + i % 3 * 11, 3), dtype=np.uint8) for i in range(12)]


class Model:
    """A model of one kind; :meth:`get` gives the one that is open now.

    Args:
        kind: of :data:`KINDS`.
        folder: for its files, which are written.
    """

    def __init__(self, kind: str, folder: Path) -> None:
        base = BASES[KINDS[kind]]
        base.make(folder)
        self.kind, self.folder = kind, folder
        self.items: Sequence[Any] = _pictures() if kind == "pictures" else TEXTS
        self._open: Callable[[], Any] = lambda: getattr(rapidembed, base.facade)(folder)
        self._lock = threading.Lock()
        self._model: Any = None
        self.expected = [self.one(self.get(), item) for item in self.items]
        self.close()

    def get(self) -> Any:
        """The open model."""
        with self._lock:
            if self._model is None:
                self._model = self._open()
            return self._model

    def replace(self) -> None:
        """Open another one, then close that which others may be using."""
        new = self._open()
        with self._lock:
            old, self._model = self._model, new
        if old is not None:
            old.close()

    def close(self) -> None:
        """Until somebody gets it again."""
        with self._lock:
            old, self._model = self._model, None
        if old is not None:
            old.close()

    def one(self, model: Any, item: Any) -> Any:
        """What the model makes of one input."""
        return model.score(QUERY, [item])[0] if self.kind == "rerank" else model.encode(item)

    def many(self, model: Any, items: Sequence[Any]) -> Sequence[Any]:
        """What it makes of several."""
        found: Sequence[Any] = model.score(QUERY, items) if self.kind == "rerank" else model.encode(items)
        return found

    async def soon(self, model: Any, item: Any) -> Any:
        """One input from an event loop."""
        return (await model.ascore(QUERY, [item]))[0] if self.kind == "rerank" else await model.aencode(item)

    def stream(self, model: Any, items: Any) -> Any:
        """An iterator over several."""
        return model.rerank(QUERY, items) if self.kind == "rerank" else model.embed(items)

    def check(self, index: int, found: Any) -> None:
        """Require the result of an input to be what it was at the start."""
        compare.close(_plain(found), _plain(self.expected[index]), tolerance=1e-4)


def _plain(found: Any) -> Any:
    """As :func:`tests.fakes.compare.close` compares."""
    if isinstance(found, SparseEmbedding) or not dataclasses.is_dataclass(found):
        return found
    return [getattr(found, each.name) for each in dataclasses.fields(found)]
