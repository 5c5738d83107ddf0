"""fastembed's class for token vectors of texts and patch vectors of pictures."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rapidembed.compat.common.model_description import DenseModelDescription
from rapidembed.compat.common.types import ImageInput, NumpyArray, OnnxProvider
from rapidembed.compat.facade import Sized
from rapidembed.compat.model import FastembedModel, missing_pictures
from rapidembed.types import Device


class MultimodalModel(FastembedModel):
    """A model for vectors of texts and pictures."""

    _facade = "LateInteractionMultimodalEmbedding"
    _inner = ("rapidembed.compat.inner.multimodal", "InnerMultimodal")

    _options = ("alpha", "rotate")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # fastembed drops transparency, and does not turn pictures as their camera says.
        super().__init__(*args, **kwargs | {"alpha": "drop", "rotate": False})

    @classmethod
    def _list_supported_models(cls) -> list[DenseModelDescription]:
        from rapidembed.compat.listing import pictures

        return pictures("multimodal")

    def embed_text(
        self, documents: str | Iterable[str], batch_size: int = 256, parallel: int | None = None, **kwargs: Any
    ) -> Iterator[NumpyArray]:
        """Vectors of texts."""
        bulk = self._bulk(batch_size, parallel)
        yield from self._native.embed_batches(documents, bulk)

    def embed_image(
        self,
        images: ImageInput | Iterable[ImageInput],
        batch_size: int = 2,
        parallel: int | None = None,
        **kwargs: Any,
    ) -> Iterator[NumpyArray]:
        """Vectors of pictures."""
        with missing_pictures():
            yield from self._native._embed("document", images, self._bulk(batch_size, parallel))

    def token_count(
        self, texts: str | Iterable[str], batch_size: int = 1024, include_extension: bool = False, **kwargs: Any
    ) -> int:
        """Tokens of all texts."""
        count: int = self._native.token_count(texts, batch_size, include_extension)
        return count


class LateInteractionMultimodalEmbedding(Sized):
    """Token vectors of texts, patch vectors of pictures: arguments, results and errors are those of fastembed.

    Methods are generators, so errors of their arguments come with the first vector.
    """

    _class = MultimodalModel
    model: MultimodalModel

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

    def embed_text(
        self, documents: str | Iterable[str], batch_size: int = 256, parallel: int | None = None, **kwargs: Any
    ) -> Iterable[NumpyArray]:
        """Vectors of texts, float32 (tokens, dimensions) each, in their order."""
        yield from self.model.embed_text(documents, batch_size, parallel, **kwargs)

    def embed_image(
        self,
        images: ImageInput | Iterable[ImageInput],
        batch_size: int = 2,
        parallel: int | None = None,
        **kwargs: Any,
    ) -> Iterable[NumpyArray]:
        """Vectors of pictures, float32 (patches, dimensions) each, in their order."""
        yield from self.model.embed_image(images, batch_size, parallel, **kwargs)

    def token_count(
        self, texts: str | Iterable[str], batch_size: int = 1024, include_extension: bool = False, **kwargs: Any
    ) -> int:
        """Tokens of all texts; with ``include_extension`` also those that are added to each."""
        return self.model.token_count(texts, batch_size=batch_size, include_extension=include_extension, **kwargs)
