"""fastembed's class for token vectors of texts and patch vectors of pictures."""

from collections.abc import Iterable, Iterator
from typing import Any

from rapidembed.compat.common.types import ImageInput, NumpyArray
from rapidembed.compat.facade import Sized
from rapidembed.compat.model import PicturesModel


class MultimodalModel(PicturesModel):
    """A model for vectors of texts and pictures."""

    _facade = "LateInteractionMultimodalEmbedding"
    _inner = ("rapidembed.compat.inner.multimodal", "InnerMultimodal")

    def embed_text(
        self, documents: str | Iterable[str], batch_size: int = 256, parallel: int | None = None, **kwargs: Any
    ) -> Iterator[NumpyArray]:
        """Vectors of texts."""
        yield from self._native.embed_batches(documents, self._bulk(batch_size, parallel))

    def embed_image(
        self,
        images: ImageInput | Iterable[ImageInput],
        batch_size: int = 2,
        parallel: int | None = None,
        **kwargs: Any,
    ) -> Iterator[NumpyArray]:
        """Vectors of pictures."""
        yield from self._pictures("document", images, self._bulk(batch_size, parallel))

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
