"""From ready pages and texts to what a graph is fed with."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rapidembed.errors import IntegrityError, UnsupportedModelError
from rapidembed.hub import Checkpoint
from rapidembed.registry.encoder_config import text_part
from rapidembed.registry.image_processor import ImageProcessor
from rapidembed.registry.pages import Pages, picture_token
from rapidembed.runtime.feeder import TokenFeeder
from rapidembed.runtime.feeds import Ids, feeds
from rapidembed.runtime.pages.ready import ReadyPage
from rapidembed.runtime.pictures.pixels import normalized

_FEATURES, _PLACES, _PIXELS = "features", "places", "pixel_values"


class PageFeeder(TokenFeeder):
    """Tokens, and beside them either what was seen in pictures, or the pictures, as exported models take them."""

    own_inputs = (_PIXELS,)

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__(checkpoint)
        self._pages = pages_of(checkpoint)
        self._processor = processor_of(self._pages, checkpoint)
        # Exports find these tokens themselves.
        self._token = None if checkpoint.is_onnx else picture_token(checkpoint.config)
        self._width = text_part(checkpoint.config).optional_positive("hidden_size") or 1

    def refuse(self, item: Any, where: str) -> None:
        """See :class:`~rapidembed.runtime.feeder.Feeder`; the tokens of pages are those of their prompt."""
        if item.pictures is None and item.error is None:
            super().refuse(replace(item, ids=[number for number in item.ids if number != self._token]), where)

    def feeds(
        self, names: frozenset[str], inputs: Sequence[Any], length: int, extra: Mapping[str, int]
    ) -> dict[str, NDArray[Any]]:
        """See :class:`~rapidembed.runtime.feeder.Feeder`."""
        own: dict[str, NDArray[Any]] = {}
        if _FEATURES in names:
            own[_FEATURES] = self._seen(inputs)
        if _PLACES in names:
            own[_PLACES] = self._places(inputs, length)
        if _PIXELS in names:
            own[_PIXELS] = self._pixels(inputs)
        tokens = feeds(names - own.keys(), inputs, length, pad_id=self._pad_id, extra=extra)
        if self._token is not None and self._rows is not None and self._token >= self._rows:
            # The table has no row for what stands for a picture; where it is a text's own word, it is the first token.
            tokens["input_ids"] = np.where(tokens["input_ids"] == self._token, 0, tokens["input_ids"])
        return own | tokens

    def sample(self) -> list[dict[str, NDArray[Any]]]:
        """See :class:`~rapidembed.runtime.feeder.Feeder`."""
        raise UnsupportedModelError("Weights of 8 bits are not known for models of pages; leave precision out.")

    def _seen(self, inputs: Sequence[ReadyPage]) -> NDArray[np.float32]:
        """What was seen in the pictures of all rows, one after another, behind a row for nothing."""
        nothing = np.zeros((1, self._width), dtype=np.float32)
        return np.concatenate([nothing, *(item.features for item in inputs if item.features is not None)])

    def _places(self, inputs: Sequence[ReadyPage], length: int) -> Ids:
        """Which row of that each token stands for; the same token in a text stands for itself."""
        places, seen = np.zeros((len(inputs), length), dtype=np.int64), 0
        for item, row in zip(inputs, places, strict=True):
            if item.features is not None:
                row[np.flatnonzero(np.array(item.ids) == self._token)] = np.arange(len(item.features)) + seen + 1
                seen += len(item.features)
        return places

    def _pixels(self, inputs: Sequence[ReadyPage]) -> NDArray[np.float32]:
        """The pictures of each row, (rows, tiles, 3, height, width), or (rows, 3, height, width) where none is cut.

        Rows with fewer tiles are filled up with blank ones, which exports leave out; texts have one of these.
        """
        tiled = self._pages.tiles is not None
        size = self._processor.size
        if size is None:
            raise IntegrityError("Pages should all be of one size.")
        most = max(1, *(0 if item.pictures is None else len(item.pictures) for item in inputs))
        # Of texts alone one blank tile is enough, whatever the number of rows.
        rows = len(inputs) if not tiled or any(item.pictures is not None for item in inputs) else 1
        values = np.zeros((rows, most, 3, *size), dtype=np.float32)
        for item, places in zip(inputs, values, strict=False):
            for picture, room in zip(() if item.pictures is None else item.pictures, places, strict=False):
                normalized(picture, self._processor, room)
        return values if tiled else values[:, 0]


def pages_of(checkpoint: Checkpoint) -> Pages:
    """How the model of a checkpoint reads pages.

    Raises:
        IntegrityError: the spec does not say it.
    """
    if checkpoint.spec.pages is None:
        raise IntegrityError(f"{checkpoint.spec.name}: how it reads pages is not known.")
    return checkpoint.spec.pages


def processor_of(pages: Pages, checkpoint: Checkpoint) -> ImageProcessor:
    """What is done with each picture or tile.

    Raises:
        IntegrityError: the spec does not say it.
    """
    if pages.processor is None:
        raise IntegrityError(f"{checkpoint.spec.name}: what is done with its pictures is not known.")
    return pages.processor
