"""Late-interaction embedding: a vector for each token."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rapidembed.runtime import inputs
from rapidembed.tasks.bulk import Texts
from rapidembed.tasks.dimensions import WithDimensions
from rapidembed.tasks.embedder import Embedder
from rapidembed.tasks.known import Known
from rapidembed.tasks.late_interaction.model import LateInteractionModel
from rapidembed.tasks.late_interaction.options import LateInteractionOptions
from rapidembed.types import Device, Providers, Vectors

if TYPE_CHECKING:
    from rapidembed.tasks.arrow.forms import Form
    from rapidembed.tasks.arrow.packing import Packing


class LateInteractionTextEmbedding(
    Embedder[LateInteractionOptions, LateInteractionModel, Vectors, list[Vectors]], WithDimensions
):
    """Turns texts into one vector per token (ColBERT, https://arxiv.org/abs/2004.12832).

    A document's relevance is the sum, over the query's vectors, of each one's largest product with a vector of the
    document. Queries and documents are read differently: use the method that says which.

    Example:
        >>> from rapidembed import LateInteractionTextEmbedding
        >>> model = LateInteractionTextEmbedding("answerdotai/answerai-colbert-small-v1")  # doctest: +SKIP
        >>> query = model.encode_query("a feline")  # doctest: +SKIP
        >>> document = model.encode_document("cats sleep")  # doctest: +SKIP
        >>> float((query @ document.T).max(axis=1).sum())  # doctest: +SKIP

    Results:
        Methods return a float32 array ``(tokens, dimensions)`` for one text, and a list or an iterator of such arrays
        for several. Models that fill queries up return a vector for the filling too; tokens of documents that the model
        is meant to skip get none. Methods that name no side take documents.

    Args:
        model_name: a curated name (:meth:`list_supported_models`), a hub repository or local folder in the layout of
            sentence-transformers' MultiVectorEncoder, PyLate or the ColBERT authors, or ``package:NAME``.
        max_tokens: cut documents at this many tokens, marker and special tokens included. None: the checkpoint's limit.
            It may go up to the model's positions.
        max_query_tokens: the same for queries. None: the checkpoint's limit of queries, or ``max_tokens`` if given.
        truncate: whether texts over the limit are cut, with one :class:`~rapidembed.TruncationWarning` per call; if
            False they are a ValueError.

    The other arguments, the errors, and what is said there of threads, copies and lifetime are those of
    :class:`rapidembed.TextEmbedding`.
    """

    __module__ = "rapidembed"
    _task = Known("late-interaction")
    _kind = LateInteractionModel

    def __init__(
        self,
        model_name: str | Path,
        cache_dir: str | Path | None = None,
        threads: int | None = None,
        providers: Providers | None = None,
        cuda: bool | Device | str = Device.AUTO,
        device_ids: Sequence[int] | None = None,
        lazy_load: bool = False,
        *,
        device: str | Sequence[str] = "auto",
        precision: str = "auto",
        backend: str = "onnxruntime",
        revision: str | None = None,
        local_files_only: bool = False,
        token: str | None = None,
        max_tokens: int | None = None,
        max_query_tokens: int | None = None,
        truncate: bool = True,
        specific_model_path: str | Path | None = None,
    ) -> None:
        self._start(LateInteractionOptions, locals())

    # Facts

    def token_count(
        self, texts: Texts, batch_size: int = 1024, is_doc: bool = True, include_extension: bool = False
    ) -> int:
        """Tokens over all texts: special tokens included, after truncation.

        Args:
            texts: one text, or an iterable of texts.
            batch_size: texts that are tokenized at once.
            is_doc: whether they are documents; otherwise queries.
            include_extension: count the marker, and what queries are filled up with, as well.
        """
        inputs.check_positive("batch_size", batch_size)
        many = [texts] if inputs.is_single(texts) else texts
        return self._loaded().token_count(many, batch_size, is_doc=is_doc, include_extension=include_extension)

    def _form(self, packing: "Packing") -> "Form[list[Vectors]]":
        from rapidembed.tasks.arrow.forms import TokenVectors

        return TokenVectors(self.embedding_size, packing)
