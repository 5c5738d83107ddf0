"""A model of pages in two graphs: one that sees pictures, and one that reads what was seen among the tokens.

Texts need the second only, and a process that has only texts never loads the first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from rapidembed.hub import Checkpoint
from rapidembed.registry.encoder_config import text_part
from rapidembed.runtime.backends.backend import GraphBackend
from rapidembed.runtime.engine import NOTHING, EngineKey
from rapidembed.runtime.onnx_engine import OnnxEngine
from rapidembed.runtime.pages.feeder import pages_of, processor_of
from rapidembed.runtime.pages.ready import ReadyPage
from rapidembed.runtime.pictures.ready import ReadyPicture
from rapidembed.types import Vectors

_PICTURES_AT_A_TIME = 4
"""Of a page: a bulk batch is computed by one core, whose cache a tile of 1,024 patches fills by itself."""


class PageEngine(OnnxEngine[ReadyPage]):
    """An engine that looks at the pictures of what it is given."""

    def __init__(self, key: EngineKey, backend: GraphBackend) -> None:
        super().__init__(key, backend)
        seen_by = None if key.checkpoint.is_onnx else replace(key, checkpoint=seeing(key.checkpoint))
        self._eye: OnnxEngine[ReadyPicture] | None = None if seen_by is None else OnnxEngine(seen_by, backend)
        """What sees pictures; None: the graph does it itself."""

    def prepare(self) -> None:
        """See :meth:`OnnxEngine.prepare`."""
        super().prepare()
        if self._eye is not None:
            self._eye.prepare()

    def run(self, inputs: Sequence[ReadyPage], length: int, extra: Mapping[str, int] = NOTHING) -> Vectors:
        """See :meth:`OnnxEngine.run`."""
        return super().run([self._looked_at(item) for item in inputs], length, extra)

    def run_one(self, item: ReadyPage, extra: Mapping[str, int] = NOTHING) -> Vectors:
        """See :meth:`OnnxEngine.run_one`."""
        return super().run_one(self._looked_at(item, alone=True), extra)

    def _looked_at(self, page: ReadyPage, *, alone: bool = False) -> ReadyPage:
        """The page with what is seen in its pictures, unless the graph looks at them itself."""
        if page.pictures is None or page.features is not None or self._eye is None:
            return page
        pictures = [ReadyPicture(pixels) for pixels in page.pictures]
        if alone:
            seen = [self._eye.run_one(picture) for picture in pictures]
        else:
            length = self._eye.plan(pictures[:1], 1)[0].length
            starts = range(0, len(pictures), _PICTURES_AT_A_TIME)
            seen = [self._eye.run(pictures[start : start + _PICTURES_AT_A_TIME], length) for start in starts]
        hidden = text_part(self.key.checkpoint.config).positive("hidden_size")
        return replace(page, pictures=None, features=np.concatenate(seen).reshape(-1, hidden))


def seeing(checkpoint: Checkpoint) -> Checkpoint:
    """The part of a checkpoint that sees pictures."""
    pages = pages_of(checkpoint)
    width = pages.count * text_part(checkpoint.config).positive("hidden_size")
    processor = processor_of(pages, checkpoint)
    spec = replace(checkpoint.spec, head="features", dim=width, pooling=("none",), picture=processor)
    return replace(checkpoint, spec=spec)
