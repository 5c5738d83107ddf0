"""Sparse text embedding."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from rapidembed.lexical.models import LEXICAL_MODELS, find_lexical
from rapidembed.lexical.options import LexicalOptions
from rapidembed.lexical.vocabulary import Stemmer
from rapidembed.lexical.words import WordSplitter
from rapidembed.runtime import inputs
from rapidembed.runtime.device import Placement
from rapidembed.tasks.bulk import Bulk, Texts
from rapidembed.tasks.embedder import Embedder, TextModel
from rapidembed.tasks.facade import name_of
from rapidembed.tasks.known import Known
from rapidembed.tasks.lexical import LexicalBackend
from rapidembed.tasks.sparse_options import SparseOptions
from rapidembed.types import Device, Providers, SparseEmbedding

if TYPE_CHECKING:
    from pathlib import Path

    from rapidembed.registry import ModelSpec


class SparseBackend(TextModel[SparseEmbedding, list[SparseEmbedding]], Protocol):
    """What computes the vectors of one model."""

    @property
    def requires_idf(self) -> bool:
        """Whether an index has to multiply the weights by the terms' idf."""

    @property
    def vocab_size(self) -> int:
        """Number of possible indices; 0 where they are hashes."""

    def token_count(self, texts: Iterable[str], batch_size: int) -> int:
        """Tokens of all texts."""


class SparseTextEmbedding(Embedder[SparseOptions, SparseBackend, SparseEmbedding, list[SparseEmbedding]]):
    """Turns texts into sparse vectors: weights of words, for search by an inverted index.

    Example:
        >>> from rapidembed import SparseTextEmbedding
        >>> model = SparseTextEmbedding("Qdrant/bm25")
        >>> document = model.encode_document("The cat sat on the mat.").as_dict()
        >>> query = model.encode_query("cats").as_dict()
        >>> sorted(document.keys() & query.keys()) == sorted(query)  # "cat" and "cats" are one term
        True

    Args:
        model_name: a curated name (:meth:`list_supported_models`), any SparseEncoder of sentence-transformers as a hub
            repository, local folder or ``package:NAME``, or a masked language model, which is meant as SPLADE.
        cache_dir: Hugging Face cache for downloads. None: the user's.
        threads: most cores that this model uses.
        providers: ONNX Runtime execution providers to use as they are, instead of ``device``.
        cuda: fastembed's device option: True, False or "auto".
        device_ids: fastembed's list of CUDA devices.
        lazy_load: load at the first use instead of now.
        device: "auto", "cpu", "cuda", "cuda:N", or a list of CUDA devices.
        precision: "auto" (float32), "fp32", "int8", which is about twice as fast on CPUs, "bf16", which needs
            ``backend="openvino"``, or "fast", the fastest here that loses at most a tenth of a point in retrieval.
            docs/precision.md says what each costs.
        backend: "onnxruntime", or "openvino" (extra ``openvino``), which is for CPUs.
        revision: branch, tag or commit of a hub repository.
        local_files_only: never ask the network.
        token: access token for gated or private repositories. None: ``$HF_TOKEN``, or a login of the hub's client.
        max_tokens: cut texts at this many tokens. None: the checkpoint's limit. BM25 has none.
        truncate: whether texts over the limit are cut, with a warning; if False they are a ValueError.
        prompts: replaces the model's "query" and "document" prompts. BM25 has none.
        specific_model_path: folder that holds the model's files; for BM25 ``<language>.txt``, its stopwords.
        k: of BM25 and miniCOIL: how slowly repetitions of a term stop to count. None: 1.2.
        b: of BM25 and miniCOIL: how much long documents are held against their terms, 0 to 1. None: 0.75.
        avg_len: of BM25 and miniCOIL: terms in an average document. None: 256, for miniCOIL 150.
        language: of BM25: decides stemmer, stopwords and tokenizer. None: English.
        token_max_length: of BM25: longer words are dropped. None: 40.
        disable_stemmer: of BM25: words are terms as they are, and there are no stopwords but those given.
        stemmer: of BM25: an object with ``stem_word(word)``, instead of the language's; "" drops a word.
            The fingerprint counts only its class.
        stopwords: of BM25: words to drop, instead of the language's.
        tokenizer: of BM25: "word", fastembed's; "unicode", for any script; or a function from a text to its words, such
            as a segmenter's. None: "word", but "unicode" for languages whose words "word" would cut to pieces.
        alpha: of BM42: the power that weights are raised to; a small one makes them more alike. None: 0.5.

    Raises:
        ModelNotFoundError: nothing of that name exists.
        DeviceError: the device is not available, or options contradict each other.
        ValueError: an option has an impossible value, or is not one of this model.

    Objects are safe to use from several threads and may be pickled and copied.
    """

    _task = Known("sparse")

    def __init__(
        self,
        model_name: str,
        cache_dir: "str | Path | None" = None,
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
        prompts: Mapping[str, str] | None = None,
        specific_model_path: "str | Path | None" = None,
        k: float | None = None,
        b: float | None = None,
        avg_len: float | None = None,
        language: str | None = None,
        token_max_length: int | None = None,
        disable_stemmer: bool | None = None,
        stemmer: Stemmer | None = None,
        stopwords: Collection[str] | None = None,
        tokenizer: WordSplitter | None = None,
        alpha: float | None = None,
    ) -> None:
        lexical = LexicalOptions(
            k=k,
            b=b,
            avg_len=avg_len,
            language=language,
            token_max_length=token_max_length,
            disable_stemmer=disable_stemmer,
            stemmer=stemmer,
            stopwords=stopwords,
            tokenizer=tokenizer,
        )
        options = SparseOptions(
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
            prompts=prompts,
            lazy_load=lazy_load,
            providers=providers,
            cuda=cuda,
            device_ids=device_ids,
            specific_model_path=specific_model_path,
            alpha=alpha,
            lexical=lexical,
        )
        self._start(options)

    # Lists

    def encode(
        self, texts: Texts, *, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> Any:
        """Embed texts as they are, as documents.

        Args:
            texts: one text, or an iterable of texts.
            batch_size: most texts in one batch.
            parallel: most cores to use for this call; None or 0: all that the model may use.
            show_progress: show a progress bar.

        Returns:
            A :class:`~rapidembed.SparseEmbedding` for one text, a list of them for an iterable, in its order. A text
            without terms has no entries.

        Raises:
            TypeError: an item is not a str; names its index. Lists are checked before any work begins.
            ValueError: an argument is out of range, or a text is too long and ``truncate`` is False.
            ClosedError: the model was closed.
        """
        return self._encode("plain", texts, Bulk(batch_size, parallel, show_progress))

    def encode_query(
        self, texts: Texts, *, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> Any:
        """Embed search queries. See :meth:`encode`."""
        return self._encode("query", texts, Bulk(batch_size, parallel, show_progress))

    def encode_document(
        self, texts: Texts, *, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> Any:
        """Embed documents to be searched. See :meth:`encode`."""
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

    # Iterators, as fastembed has them

    def embed(
        self, documents: Texts, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> Iterator[SparseEmbedding]:
        """Embed a stream of documents of any length in bounded memory.

        Arguments and errors are those of :meth:`encode`, and are checked now, not at the first vector. An iterable that
        is not a list is checked as it is read; vectors of the texts before a wrong one are yielded first.
        """
        return self._embed("plain", documents, Bulk(batch_size, parallel, show_progress))

    def query_embed(
        self, query: Texts, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> Iterator[SparseEmbedding]:
        """:meth:`embed` for search queries."""
        return self._embed("query", query, Bulk(batch_size, parallel, show_progress))

    def passage_embed(
        self, texts: Texts, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> Iterator[SparseEmbedding]:
        """:meth:`embed` for documents to be searched."""
        return self._embed("document", texts, Bulk(batch_size, parallel, show_progress))

    # Facts

    def token_count(self, texts: Texts, batch_size: int = 1024) -> int:
        """Tokens of all texts; for BM25 their words, stopwords included."""
        inputs.check_positive("batch_size", batch_size)
        many = [texts] if inputs.is_single(texts) else texts
        return self._loaded().token_count(many, batch_size)

    @property
    def requires_idf(self) -> bool:
        """Whether an index has to multiply the weights by the terms' idf (in Qdrant: ``modifier=idf``)."""
        return self._loaded().requires_idf

    @property
    def vocab_size(self) -> int:
        """Number of possible indices; 0 for BM25, whose indices are hashes; of BM42 and miniCOIL fastembed's number."""
        return self._loaded().vocab_size

    @classmethod
    def list_supported_models(cls) -> list[dict[str, Any]]:
        """The models that this version knows by name, a fresh dict each, with fastembed's keys and some of ours."""
        from rapidembed.tasks.describe import describe_lexical, describe_sparse

        return [*map(describe_sparse, cls._task.models()), *map(describe_lexical, LEXICAL_MODELS)]

    @classmethod
    def add_custom_model(cls, model: "ModelSpec") -> None:
        """See :meth:`rapidembed.TextEmbedding.add_custom_model`.

        The model's head is "mlm" (SPLADE), "attention" (BM42) or "words" (miniCOIL).
        """
        if find_lexical(getattr(model, "name", "")):
            raise ValueError(f"{model.name!r} is a curated model; choose another name.")
        super().add_custom_model(model)

    def _place(self) -> Placement:
        lexical = find_lexical(self._options.model_name)
        return self._options.place_on_cpu(lexical.name) if lexical else super()._place()

    def _load(self) -> SparseBackend:
        options = self._options
        if lexical := find_lexical(options.model_name):
            return LexicalBackend(lexical, options)
        # ONNX Runtime and the tokenizers, which BM25 does without.
        from rapidembed.tasks.sparse_network import SparseModel

        return SparseModel.load(self, options, self._placement)

    def _gather(
        self, model: SparseBackend, windows: Iterator[list[SparseEmbedding]], texts: Iterable[str]
    ) -> list[SparseEmbedding]:
        return [embedding for window in windows for embedding in window]
