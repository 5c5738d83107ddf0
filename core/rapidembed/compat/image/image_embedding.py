"""fastembed's class for dense vectors of pictures."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rapidembed.compat.common.model_description import DenseModelDescription
from rapidembed.compat.common.types import ImageInput, NumpyArray, OnnxProvider
from rapidembed.compat.facade import Sized
from rapidembed.compat.model import FastembedModel, missing_pictures
from rapidembed.types import Device


class ImageModel(FastembedModel):
    """A model for vectors of pictures."""

    _facade = "ImageEmbedding"
    _inner = ("rapidembed.compat.inner.image", "InnerImage")
    _options = ("alpha", "rotate")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # fastembed drops transparency, and does not turn pictures as their camera says.
        super().__init__(*args, **kwargs | {"alpha": "drop", "rotate": False})

    @classmethod
    def _list_supported_models(cls) -> list[DenseModelDescription]:
        from rapidembed.compat.listing import pictures

        return pictures("image")

    def embed(
        self,
        images: ImageInput | Iterable[ImageInput],
        batch_size: int = 16,
        parallel: int | None = None,
        **kwargs: Any,
    ) -> Iterator[NumpyArray]:
        """Vectors of pictures."""
        with missing_pictures():
            yield from self._native._embed("plain", images, self._bulk(batch_size, parallel))


class ImageEmbedding(Sized):
    """Dense vectors of pictures: arguments, results and errors are those of fastembed's class of this name.

    Methods are generators, so errors of their arguments come with the first vector.
    """

    _class = ImageModel
    model: ImageModel

    def __init__(
        self,
        model_name: str,
        cache_dir: str | None = None,
        threads: int | None = None,
        providers: Sequence[OnnxProvider] | None = None,
        cuda: bool | Device = Device.AUTO,
        device_ids: list[int] | None = None,
        lazy_load: bool = False,
        **kwargs: Any,
    ) -> None:
        self._start(locals())

    def embed(
        self,
        images: ImageInput | Iterable[ImageInput],
        batch_size: int = 16,
        parallel: int | None = None,
        **kwargs: Any,
    ) -> Iterable[NumpyArray]:
        """Vectors of pictures, float32 (dimensions,) each, in their order."""
        yield from self.model.embed(images, batch_size, parallel, **kwargs)
