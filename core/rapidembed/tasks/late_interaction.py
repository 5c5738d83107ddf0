"""Late-interaction embedding: a vector for each token."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rapidembed.errors import ModelNotFoundError
from rapidembed.runtime import inputs
from rapidembed.tasks.bulk import Bulk, Texts
from rapidembed.tasks.embedder import Embedder
from rapidembed.tasks.facade import name_of
from rapidembed.tasks.known import Known
from rapidembed.tasks.late_interaction_options import LateInteractionOptions
from rapidembed.tasks.token_vectors import TokenVectorModel
from rapidembed.types import Device, Providers, Vectors


class LateInteractionTextEmbedding(Embedder[LateInteractionOptions, TokenVectorModel, Vectors, list[Vectors]]):
    """Turns texts into one vector per token (ColBERT, https://arxiv.org/abs/2004.12832).

    A document's relevance is the sum, over the query's vectors, of each one's largest product with a vector of the
    document. Queries and documents are read differently: use the method that says which.

    Example:
        >>> from rapidembed import LateInteractionTextEmbedding
        >>> model = LateInteractionTextEmbedding("answerdotai/answerai-colbert-small-v1")  # doctest: +SKIP
        >>> query = model.encode_query("a feline")  # doctest: +SKIP
        >>> document = model.encode_document("cats sleep")  # doctest: +SKIP
        >>> float((query @ document.T).max(axis=1).sum())  # doctest: +SKIP

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

    _task = Known("late-interaction")

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
        options = LateInteractionOptions(
            model_name=name_of(model_name),
            device=device,
            precision=precision,
            backend=backend,
            threads=threads,
            cache_dir=cache_dir,
            revision=revision,
            local_files_only=local_files_only,
            token=token,
            max_tokens=max_tokens,
            max_query_tokens=max_query_tokens,
            truncate=truncate,
            lazy_load=lazy_load,
            providers=providers,
            cuda=cuda,
            device_ids=device_ids,
            specific_model_path=specific_model_path,
        )
        self._start(options)

    # Arrays

    def encode_query(
        self, texts: Texts, *, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> Any:
        """Embed search queries.

        Args:
            texts: one text, or an iterable of texts.
            batch_size: most texts in one batch; batches are otherwise sized by their work.
            parallel: most cores to use for this call; None or 0: all that the model may use.
            show_progress: show a progress bar.

        Returns:
            float32 ``(tokens, dimensions)`` for one text, a list of such arrays for an iterable, in its order. Models
            that fill queries up return a vector for the filling too.

        Raises:
            TypeError: an item is not a str; names its index. Lists are checked before any work begins.
            ValueError: an argument is out of range, or a text is too long and ``truncate`` is False.
            NonFiniteError: the model produced NaN or infinity.
            ClosedError: the model was closed.
        """
        return self._encode("query", texts, Bulk(batch_size, parallel, show_progress))

    def encode_document(
        self, texts: Texts, *, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> Any:
        """Embed documents to be searched; tokens that the model is meant to skip get no vector.

        See :meth:`encode_query`.
        """
        return self._encode("document", texts, Bulk(batch_size, parallel, show_progress))

    async def aencode_query(
        self, texts: Texts, *, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> Any:
        """:meth:`encode_query` without blocking the event loop; cancelling stops the work."""
        return await self._aencode("query", texts, Bulk(batch_size, parallel, show_progress))

    async def aencode_document(
        self, texts: Texts, *, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> Any:
        """:meth:`encode_document` without blocking the event loop; cancelling stops the work."""
        return await self._aencode("document", texts, Bulk(batch_size, parallel, show_progress))

    # Iterators, as fastembed has them

    def embed(
        self, documents: Texts, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> Iterator[Vectors]:
        """Embed a stream of documents of any length in bounded memory.

        Arguments and errors are those of :meth:`encode_query`, and are checked now, not at the first vector. An
        iterable that is not a list is checked as it is read; results of the texts before a wrong one are yielded first.

        Yields:
            One float32 array ``(tokens, dimensions)`` per text, in order.
        """
        return self._embed("document", documents, Bulk(batch_size, parallel, show_progress))

    def passage_embed(
        self, texts: Texts, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> Iterator[Vectors]:
        """The same as :meth:`embed`."""
        return self._embed("document", texts, Bulk(batch_size, parallel, show_progress))

    def query_embed(
        self, query: Texts, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> Iterator[Vectors]:
        """:meth:`embed` for queries; see :meth:`encode_query`."""
        return self._embed("query", query, Bulk(batch_size, parallel, show_progress))

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
        model = self._loaded()
        steps = model.steps(model.call("document" if is_doc else "query"))
        chunks = model.chunks([texts] if inputs.is_single(texts) else texts, steps, batch_size)
        return sum(steps.count(chunk, extension=include_extension) for chunk in chunks)

    @property
    def embedding_size(self) -> int:
        """Dimensions of each token's vector."""
        return self._loaded().spec.dim

    @classmethod
    def get_embedding_size(cls, model_name: str) -> int:
        """Dimensions of a curated or added model's token vectors, without loading it."""
        spec = cls._task.find(model_name)
        if spec is None:
            raise ModelNotFoundError(f"No model {model_name!r} is known by name; list_supported_models() lists them.")
        return spec.dim

    def _load(self) -> TokenVectorModel:
        return TokenVectorModel.load(self, self._options, self._placement)

    def _gather(self, model: TokenVectorModel, windows: Iterator[list[Vectors]], texts: Iterable[str]) -> list[Vectors]:
        return [vectors for window in windows for vectors in window]
