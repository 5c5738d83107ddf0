"""Pictures, and texts in their space, for LlamaIndex."""

from typing import TYPE_CHECKING, Any, Literal

import rapidembed
from llama_index.core.base.embeddings.base import BaseEmbedding, Embedding
from llama_index.core.embeddings import MultiModalEmbedding
from llama_index.core.schema import ImageType
from pydantic import ConfigDict, Field, PrivateAttr, model_validator

from rapidembed_llamaindex.base import Configured, Fixed, Folder, ListsOnly, text_of, without_class_name

if TYPE_CHECKING:
    from rapidembed import ImageEmbedding, TextEmbedding  # at run time they are loaded with the first model

_OWN_OPTIONS = frozenset({"text_model_name", "parallel", *BaseEmbedding.model_fields})
_OF_PICTURES = frozenset({"rotate", "alpha", "max_pixels", "draft"})


class FastEmbedMultiModalEmbedding(Configured, ListsOnly, MultiModalEmbedding):
    """Embeddings of pictures, and of texts in the same space, that run on this machine.

    Made for LlamaIndex's ``MultiModalVectorStoreIndex``, as its ``image_embed_model``. Texts are embedded by the model
    of texts of the same space; models of pictures alone, such as ``builtin:image``, have none.

    Example:
        >>> from rapidembed_llamaindex import FastEmbedMultiModalEmbedding
        >>> model = FastEmbedMultiModalEmbedding(model_name="builtin:image")
        >>> len(model.get_image_embedding("docs/images/contact_sheet.png"))
        1280
    """

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    model_name: str = Field("builtin:image", frozen=True)
    """Curated name, hub id, folder, ``package:NAME``, or ``builtin:image``."""
    text_model_name: Fixed[str | None] = None
    """Model of texts; None: the one that belongs to ``model_name``."""
    embed_batch_size: int = Field(default=16, gt=0, le=2048)
    """Pictures or texts that the framework hands over at once."""
    cache_dir: Fixed[Folder] = None
    threads: Fixed[int | None] = None
    parallel: int | None = None
    device: Fixed[str | list[str]] = "auto"
    precision: Fixed[str] = "auto"
    backend: Fixed[str] = "onnxruntime"
    revision: Fixed[str | None] = None
    local_files_only: Fixed[bool] = False
    normalize: Fixed[bool | None] = None
    lazy_load: Fixed[bool] = False
    specific_model_path: Fixed[Folder] = None
    rotate: Fixed[bool] = True
    alpha: Fixed[Literal["white", "drop"]] = "white"
    max_pixels: Fixed[int | None] = None
    draft: Fixed[bool] = False

    _model: "ImageEmbedding" = PrivateAttr()
    _texts: "TextEmbedding | None" = PrivateAttr(default=None)

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        self._model = rapidembed.ImageEmbedding(self.model_name, **self._options())

    @model_validator(mode="before")
    @classmethod
    def _accept_own_name(cls, fields: Any) -> Any:
        return without_class_name(cls, fields)

    @classmethod
    def class_name(cls) -> str:
        """Name of this class in saved settings."""
        return "RapidEmbed_FastEmbedMultiModalEmbedding"

    def _options(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in type(self).model_fields if name not in _OWN_OPTIONS}

    def _reader(self) -> "TextEmbedding":
        """The model of texts, loaded with the first text.

        Raises:
            ValueError: there is none.
        """
        if self._texts is None:
            name = self.text_model_name or self._model.text_model
            if name is None:
                raise ValueError(
                    f"{self.model_name} embeds pictures only; texts need a model that was trained with them, such as "
                    'model_name="google/siglip2-base-patch16-224".'
                )
            options = {key: value for key, value in self._options().items() if key not in _OF_PICTURES}
            self._texts = rapidembed.TextEmbedding(name, **options)
        return self._texts

    # Pictures

    def _get_image_embedding(self, img_file_path: ImageType) -> Embedding:
        return list(self._model.encode(img_file_path).tolist())

    async def _aget_image_embedding(self, img_file_path: ImageType) -> Embedding:
        return list((await self._model.aencode(img_file_path)).tolist())

    def _get_image_embeddings(self, img_file_paths: list[ImageType]) -> list[Embedding]:
        return list(self._model.encode(img_file_paths, parallel=self.parallel).tolist())

    async def _aget_image_embeddings(self, img_file_paths: list[ImageType]) -> list[Embedding]:
        return list((await self._model.aencode(img_file_paths, parallel=self.parallel)).tolist())

    # Texts

    def _get_query_embedding(self, query: str) -> Embedding:
        return list(self._reader().encode_query(text_of(query, "query")).tolist())

    async def _aget_query_embedding(self, query: str) -> Embedding:
        return list((await self._reader().aencode_query(text_of(query, "query"))).tolist())

    def _get_text_embedding(self, text: str) -> Embedding:
        return list(self._reader().encode_document(text_of(text)).tolist())

    async def _aget_text_embedding(self, text: str) -> Embedding:
        return list((await self._reader().aencode_document(text_of(text))).tolist())

    def _get_text_embeddings(self, texts: list[str]) -> list[Embedding]:
        return list(self._reader().encode_document(texts, parallel=self.parallel).tolist())
