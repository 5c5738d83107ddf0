"""A model as :class:`rapidembed.ImageEmbedding` uses it."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from rapidembed.hub import Checkpoint
from rapidembed.registry.image_processor import ImageProcessor
from rapidembed.runtime.lease import Lease
from rapidembed.runtime.pictures.feeder import bytes_of, processor_of
from rapidembed.runtime.pictures.reading import Reading
from rapidembed.runtime.sinks import VectorSink
from rapidembed.tasks.bulk import Bulk
from rapidembed.tasks.call import Call
from rapidembed.tasks.image.options import ImageOptions
from rapidembed.tasks.image.steps import PictureSteps
from rapidembed.tasks.leased import LeasedModel
from rapidembed.tasks.lone import Lone, windowed
from rapidembed.tasks.unit import unit_rows
from rapidembed.types import Vectors

if TYPE_CHECKING:
    from rapidembed.tasks.info import ModelInfo

_WINDOW_BYTES = 64_000_000
"""Of pictures that are ready for the model; two such windows are in memory at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageModel(LeasedModel[ImageOptions]):
    """Everything that a call needs."""

    processor: ImageProcessor
    reading: Reading
    normalize: bool

    @classmethod
    def of(cls, lease: Lease, checkpoint: Checkpoint, options: ImageOptions) -> "ImageModel":
        """See :meth:`LeasedModel.of`."""
        return cls(
            lease=lease,
            checkpoint=checkpoint,
            processor=processor_of(checkpoint),
            reading=options.reading,
            normalize=checkpoint.spec.normalize if options.normalize is None else options.normalize,
        )

    def call(self, role: str) -> Call:
        """A new call; of pictures there is nothing to warn of."""
        return Call(role=role, noun="images")

    def one(self, call: Call, image: Any) -> Vectors:
        """The vector of a lone picture, float32 (dimensions,)."""
        return self.run_lone(image, Lone(self._steps, windowed(VectorSink(self.spec.dim), self._only)))

    def rows(self, call: Call, images: Iterable[Any], bulk: Bulk) -> Iterator[Vectors]:
        """The vectors of many pictures, window by window, float32 (some pictures, dimensions)."""
        most = max(bulk.batch_size, _WINDOW_BYTES // bytes_of(self.processor))
        for window in self.windows(images, self._steps, VectorSink(self.spec.dim), replace(bulk, most=most)):
            yield self._finish(window)

    def info(self) -> "ModelInfo":
        """What is loaded, and from where."""
        return replace(LeasedModel.info(self), normalize=self.normalize)

    def facts(self) -> dict[str, Any]:
        """Everything beside the files that decides the vectors."""
        reading = asdict(self.reading)
        del reading["max_pixels"]  # decides which pictures have vectors, not which they are
        return LeasedModel.facts(self) | {
            "pooling": self.spec.pooling,
            "normalize": self.normalize,
            "processor": asdict(self.processor),
            "reading": reading,
        }

    @property
    def _steps(self) -> PictureSteps:
        return PictureSteps(self.processor, self.reading)

    def _only(self, vectors: Vectors) -> Vectors:
        return np.asarray(self._finish(vectors)[0])

    def _finish(self, vectors: Vectors) -> Vectors:
        return unit_rows(vectors) if self.normalize else vectors
