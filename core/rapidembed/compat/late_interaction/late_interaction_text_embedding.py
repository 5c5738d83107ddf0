"""fastembed's class for token vectors of texts."""

from collections.abc import Iterable
from typing import Any

from rapidembed.compat.common.types import NumpyArray
from rapidembed.compat.facade import OfTexts, Sized
from rapidembed.compat.model import TextsModel


class LateInteractionModel(TextsModel):
    """A model for token vectors."""

    _facade = "LateInteractionTextEmbedding"
    _inner = ("rapidembed.compat.inner.late_interaction", "InnerLateInteraction")

    def token_count(
        self,
        texts: str | Iterable[str],
        batch_size: int = 1024,
        is_doc: bool = True,
        include_extension: bool = False,
        **kwargs: Any,
    ) -> int:
        """Tokens of all texts."""
        count: int = self._native.token_count(texts, batch_size, is_doc, include_extension)
        return count


class LateInteractionTextEmbedding(OfTexts[NumpyArray], Sized):
    """Token vectors of texts: arguments, results and errors are those of fastembed's class of this name.

    Of each text there are float32 (tokens, dimensions). Methods are generators, so errors of their arguments come with
    the first vector.
    """

    _class = LateInteractionModel
    model: LateInteractionModel

    def token_count(
        self,
        texts: str | Iterable[str],
        batch_size: int = 1024,
        is_doc: bool = True,
        include_extension: bool = False,
        **kwargs: Any,
    ) -> int:
        """Tokens of all texts; with ``include_extension`` also the marker, and what queries are filled up with."""
        return self.model.token_count(
            texts, batch_size=batch_size, is_doc=is_doc, include_extension=include_extension, **kwargs
        )
