"""Pictures, and texts in their space, for LangChain."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import rapidembed
from langchain_core.embeddings import Embeddings
from pydantic import Field, PrivateAttr

from rapidembed_langchain._configured import text_of, texts_of
from rapidembed_langchain._fields import ModelFields

if TYPE_CHECKING:
    from rapidembed import ImageEmbedding, TextEmbedding  # at run time they are loaded with the first model

_OF_TEXTS = frozenset({"max_length", "truncate"})


class FastEmbedImageEmbeddings(ModelFields, Embeddings):
    """Embeddings of pictures by ``embed_image``, and of texts in the same space, that run on this machine.

    Vector stores that take pictures, such as Chroma's ``add_images``, look for that method.

    Example:
        >>> from rapidembed_langchain import FastEmbedImageEmbeddings
        >>> embeddings = FastEmbedImageEmbeddings(model="builtin:image")
        >>> vectors = embeddings.embed_image(["docs/images/contact_sheet.png"])
        >>> len(vectors[0])
        1280

    Texts are embedded by the model of texts of the same space; models of pictures alone, such as ``builtin:image``,
    have none, and ``embed_query`` says so. Instances may be pickled and copied.
    """

    own = ModelFields.own | _OF_TEXTS | {"model_name", "text_model"}

    model_name: str = Field(default="builtin:image", alias="model")
    """Curated name, hub id, folder, ``package:NAME``, or ``builtin:image``."""
    text_model: str | None = None
    """Model of texts; None: the one that belongs to ``model``."""
    batch_size: int = Field(default=16, gt=0)
    rotate: bool = True
    alpha: Literal["white", "drop"] = "white"
    max_pixels: int | None = None
    draft: bool = False
    normalize: bool | None = None

    _model: "ImageEmbedding" = PrivateAttr()
    _texts: "TextEmbedding | None" = PrivateAttr(default=None)

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        options = self._model_options()
        del options["max_tokens"]
        self._model = rapidembed.ImageEmbedding(self.model_name, **options)

    def embed_image(self, uris: Sequence[Any]) -> list[list[float]]:
        """Embed pictures: paths, or whatever else :class:`rapidembed.ImageEmbedding` takes."""
        vectors: list[list[float]] = self._model.encode(texts_of(uris), **self._bulk_options()).tolist()
        return vectors

    async def aembed_image(self, uris: Sequence[Any]) -> list[list[float]]:
        """Embed pictures without blocking the event loop."""
        vectors: list[list[float]] = (await self._model.aencode(texts_of(uris), **self._bulk_options())).tolist()
        return vectors

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed texts in the space of pictures."""
        vectors: list[list[float]] = self._reader().encode_document(texts_of(texts), **self._bulk_options()).tolist()
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """Embed a search query in the space of pictures."""
        vector: list[float] = self._reader().encode_query(text_of(text)).tolist()
        return vector

    def _reader(self) -> "TextEmbedding":
        """The model of texts, loaded with the first text.

        Raises:
            ValueError: there is none.
        """
        if self._texts is None:
            name = self.text_model or self._model.text_model
            if name is None:
                raise ValueError(
                    f"{self.model_name} embeds pictures only; texts need a model that was trained with them, such as "
                    'model="google/siglip2-base-patch16-224".'
                )
            skipped = {"rotate", "alpha", "max_pixels", "draft"}
            options = {key: value for key, value in self._model_options().items() if key not in skipped}
            self._texts = rapidembed.TextEmbedding(name, truncate=self.truncate, **options)
        return self._texts
