"""From ready pictures to what a graph is fed with."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rapidembed.errors import IntegrityError
from rapidembed.hub import Checkpoint
from rapidembed.registry.config_file import ConfigFile
from rapidembed.registry.encoder_config import vision_part
from rapidembed.registry.image_processor import ImageProcessor, Size
from rapidembed.runtime.feeder import Feeder
from rapidembed.runtime.pictures.pixels import normalized
from rapidembed.runtime.pictures.ready import ReadyPicture
from rapidembed.runtime.pictures.sample import drawn

_PATCH = 16
"""Side of a patch where the config knows none: what convolutions cost is about that of such patches."""
_SIDE = 224


class PictureFeeder(Feeder[ReadyPicture]):
    """Pictures of one size."""

    pads = False
    most_rows = 5
    """The activations of more, of few patches each, would take tens of megabytes."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        encoder = vision_part(checkpoint.config)
        self._processor = processor_of(checkpoint)
        self.hidden = encoder.optional_positive("hidden_size") or checkpoint.spec.dim
        height, width = self._processor.size or (_SIDE, _SIDE)
        patch = _patch(encoder)
        self._tokens = max(1, (height // patch) * (width // patch))

    def length(self, item: ReadyPicture) -> int:
        """Patches of a picture."""
        return self._tokens

    def feeds(
        self, names: frozenset[str], inputs: Sequence[ReadyPicture], length: int, extra: Mapping[str, int]
    ) -> dict[str, NDArray[Any]]:
        """See :class:`Feeder`: the graph's only input, whatever it is called, is float32 (batch, 3, height, width)."""
        return {_only(names): self._values([item.pixels for item in inputs])}

    def sample(self) -> list[dict[str, NDArray[Any]]]:
        """See :class:`Feeder`."""
        return [{"pixel_values": self._values(batch)} for batch in drawn(self._processor.size or (_SIDE, _SIDE))]

    def _values(self, pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        height, width = pictures[0].shape[:2]
        values = np.empty((len(pictures), 3, height, width), dtype=np.float32)
        for picture, room in zip(pictures, values, strict=True):
            normalized(picture, self._processor, room)
        return values


def processor_of(checkpoint: Checkpoint) -> ImageProcessor:
    """What is done with the pictures of a checkpoint's model.

    Raises:
        IntegrityError: the spec does not say it.
    """
    if checkpoint.spec.picture is None:
        raise IntegrityError(f"{checkpoint.spec.name}: what is done with its pictures is not known.")
    return checkpoint.spec.picture


def bytes_of(processor: ImageProcessor) -> int:
    """What a ready picture takes in memory, about."""
    size: Size = processor.size or (_SIDE, _SIDE)
    return 3 * size[0] * size[1]


def _patch(config: ConfigFile) -> int:
    patch = config.values.get("patch_size")
    return patch if isinstance(patch, int) and patch > 0 else _PATCH


def _only(names: frozenset[str]) -> str:
    if len(names) != 1:
        raise IntegrityError(f"A graph that reads pictures should have one input; it has {', '.join(sorted(names))}.")
    return next(iter(names))
