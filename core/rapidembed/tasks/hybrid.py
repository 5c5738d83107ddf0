"""Dense, sparse and token vectors of a text, from one pass."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rapidembed.errors import ModelNotFoundError
from rapidembed.runtime import inputs
from rapidembed.tasks.bulk import Bulk, Texts
from rapidembed.tasks.embedder import Embedder
from rapidembed.tasks.facade import name_of
from rapidembed.tasks.hybrid_model import HybridModel
from rapidembed.tasks.known import Known
from rapidembed.tasks.options import ModelOptions
from rapidembed.tasks.results import HybridEmbedding
from rapidembed.types import Device, Providers


class HybridTextEmbedding(Embedder[ModelOptions, HybridModel, HybridEmbedding, list[HybridEmbedding]]):
    """Turns texts into all kinds of vectors at once (BGE-M3, https://arxiv.org/abs/2402.03216).

    :class:`~rapidembed.TextEmbedding`, :class:`~rapidembed.SparseTextEmbedding` and
    :class:`~rapidembed.LateInteractionTextEmbedding` give each kind by itself, under the same name; in one process they
    share one loaded model.

    Example:
        >>> from rapidembed import HybridTextEmbedding
        >>> model = HybridTextEmbedding("BAAI/bge-m3")  # doctest: +SKIP
        >>> found = model.encode("a feline")  # doctest: +SKIP
        >>> found.dense.shape, found.token_vectors.shape, found.sparse.as_dict()  # doctest: +SKIP
        ((1024,), (4, 1024), {10: 0.04, 70: 0.03, 56813: 0.27})

    Args:
        model_name: a curated name (:meth:`list_supported_models`), a hub repository or local folder that has the two
            layers of BGE-M3 beside the encoder, ``colbert_linear`` and ``sparse_linear``, each as ``.safetensors`` or
            ``.pt``; or ``package:NAME``. Of ``.pt`` files only numbers are read: what else they hold is never run.
        max_tokens: cut texts at this many tokens, special tokens included. None: the checkpoint's limit.
        truncate: whether texts over the limit are cut, with one :class:`~rapidembed.TruncationWarning` per call; if
            False they are a ValueError.

    The other arguments, the errors, and what is said there of threads, copies and lifetime are those of
    :class:`rapidembed.TextEmbedding`.
    """

    _task = Known("hybrid")

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
        truncate: bool = True,
        specific_model_path: str | Path | None = None,
    ) -> None:
        options = ModelOptions(
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
            truncate=truncate,
            lazy_load=lazy_load,
            providers=providers,
            cuda=cuda,
            device_ids=device_ids,
            specific_model_path=specific_model_path,
        )
        self._start(options)

    # Lists

    def encode(
        self, texts: Texts, *, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> Any:
        """Embed texts as they are.

        Args:
            texts: one text, or an iterable of texts.
            batch_size: most texts in one batch; batches are otherwise sized by their work.
            parallel: most cores to use for this call; None or 0: all that the model may use.
            show_progress: show a progress bar.

        Returns:
            A :class:`~rapidembed.HybridEmbedding` for one text, a list of them for an iterable, in its order.

        Raises:
            TypeError: an item is not a str; names its index. Lists are checked before any work begins.
            ValueError: an argument is out of range, or a text is too long and ``truncate`` is False.
            NonFiniteError: the model produced NaN or infinity.
            ClosedError: the model was closed.
        """
        return self._encode("plain", texts, Bulk(batch_size, parallel, show_progress))

    def encode_query(
        self, texts: Texts, *, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> Any:
        """Embed search queries, with the model's query prompt if it has one. See :meth:`encode`."""
        return self._encode("query", texts, Bulk(batch_size, parallel, show_progress))

    def encode_document(
        self, texts: Texts, *, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> Any:
        """Embed documents to be searched, with the model's document prompt if it has one. See :meth:`encode`."""
        return self._encode("document", texts, Bulk(batch_size, parallel, show_progress))

    async def aencode(
        self, texts: Texts, *, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> Any:
        """:meth:`encode` without blocking the event loop; cancelling stops the work."""
        return await self._aencode("plain", texts, Bulk(batch_size, parallel, show_progress))

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

    # Iterators

    def embed(
        self, documents: Texts, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> Iterator[HybridEmbedding]:
        """Embed a stream of texts of any length in bounded memory.

        Arguments and errors are those of :meth:`encode`, and are checked now, not at the first vector. An iterable that
        is not a list is checked as it is read; results of the texts before a wrong one are yielded first.
        """
        return self._embed("plain", documents, Bulk(batch_size, parallel, show_progress))

    def query_embed(
        self, query: Texts, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> Iterator[HybridEmbedding]:
        """:meth:`embed` for search queries."""
        return self._embed("query", query, Bulk(batch_size, parallel, show_progress))

    def passage_embed(
        self, texts: Texts, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> Iterator[HybridEmbedding]:
        """:meth:`embed` for documents to be searched."""
        return self._embed("document", texts, Bulk(batch_size, parallel, show_progress))

    # Facts

    def token_count(self, texts: Texts, batch_size: int = 1024) -> int:
        """Tokens of all texts: special tokens included, after truncation."""
        inputs.check_positive("batch_size", batch_size)
        model = self._loaded()
        steps = model.steps(model.call("plain"))
        chunks = model.chunks([texts] if inputs.is_single(texts) else texts, steps, batch_size)
        return sum(len(tokens.ids) for chunk in chunks for tokens in steps.tokenize(chunk))

    @property
    def embedding_size(self) -> int:
        """Dimensions of the dense vector, and of each token's."""
        return self._loaded().spec.dim

    @property
    def vocab_size(self) -> int:
        """Number of possible indices of the sparse vectors."""
        return self._loaded().weights.vocab_size

    @classmethod
    def get_embedding_size(cls, model_name: str) -> int:
        """Dimensions of a curated or added model, without loading it."""
        spec = cls._task.find(model_name)
        if spec is None:
            raise ModelNotFoundError(f"No model {model_name!r} is known by name; list_supported_models() lists them.")
        return spec.dim

    def _load(self) -> HybridModel:
        return HybridModel.load(self, self._options, self._placement)

    def _gather(
        self, model: HybridModel, windows: Iterator[list[HybridEmbedding]], texts: Iterable[str]
    ) -> list[HybridEmbedding]:
        return [embedding for window in windows for embedding in window]
