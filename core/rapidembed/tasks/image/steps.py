"""From the pictures of a call to pixels: the steps that the pipeline takes before the model."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from rapidembed.registry.image_processor import ImageProcessor
from rapidembed.runtime.pages.ready import ReadyPage
from rapidembed.runtime.pictures.pixels import shaped
from rapidembed.runtime.pictures.read import read_picture
from rapidembed.runtime.pictures.reading import Reading
from rapidembed.runtime.pictures.ready import ReadyPicture
from rapidembed.runtime.pictures.source import check_picture

_NOTHING = np.empty((0, 0, 3), dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class Numbered:
    """A picture, and which one of its call it is."""

    picture: Any
    index: int | None


class Unopened:
    """Each input is a picture, of any kind; it is opened on a thread of the pool, never before."""

    __slots__ = ()

    def prepare(self, item: Any, index: int | None) -> Any:
        """Check what an input is, without opening it."""
        check_picture(item, index)
        return Numbered(item, index)

    def inspect(self, item: ReadyPicture | ReadyPage, index: int) -> None:
        """Raise what kept a picture from being read."""
        if item.error is not None:
            raise item.error


@dataclass(frozen=True, slots=True)
class PictureSteps(Unopened):
    """Pictures become pixels, of the size that the model takes."""

    processor: ImageProcessor
    reading: Reading

    def ready(self, items: list[Numbered]) -> list[ReadyPicture]:
        """Open, decode, turn, resize and crop."""
        return [self._ready(item) for item in items]

    def _ready(self, item: Numbered) -> ReadyPicture:
        size = self.processor.size
        least = None if size is None else (size[1], size[0])
        try:
            image = read_picture(item.picture, item.index, self.reading, least)
            return ReadyPicture(np.ascontiguousarray(shaped(image, self.processor)))
        except (ValueError, TypeError, ImportError) as error:  # told in its turn, behind the results of those before it
            return ReadyPicture(_NOTHING, error)
