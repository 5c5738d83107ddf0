"""fastembed's class for dense vectors of pictures."""

from collections.abc import Iterable, Iterator
from typing import Any

from rapidembed.compat.common.types import ImageInput, NumpyArray
from rapidembed.compat.facade import Sized
from rapidembed.compat.model import PicturesModel


class ImageModel(PicturesModel):
    """A model for vectors of pictures."""

    _facade = "ImageEmbedding"
    _inner = ("rapidembed.compat.inner.image", "InnerImage")

    def embed(
        self,
        images: ImageInput | Iterable[ImageInput],
        batch_size: int = 16,
        parallel: int | None = None,
        **kwargs: Any,
    ) -> Iterator[NumpyArray]:
        """Vectors of pictures."""
        yield from self._pictures("plain", images, self._bulk(batch_size, parallel))


class ImageEmbedding(Sized):
    """Dense vectors of pictures: arguments, results and errors are those of fastembed's class of this name.

    Methods are generators, so errors of their arguments come with the first vector.
    """

    _class = ImageModel
    model: ImageModel

    def embed(
        self,
        images: ImageInput | Iterable[ImageInput],
        batch_size: int = 16,
        parallel: int | None = None,
        **kwargs: Any,
    ) -> Iterable[NumpyArray]:
        """Vectors of pictures, float32 (dimensions,) each, in their order."""
        yield from self.model.embed(images, batch_size, parallel, **kwargs)
