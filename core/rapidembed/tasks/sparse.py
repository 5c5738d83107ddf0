"""Sparse text embedding."""

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from rapidembed.errors import ClosedError
from rapidembed.lexical.languages import LANGUAGES
from rapidembed.lexical.models import LEXICAL_MODELS, LexicalModel, find_lexical
from rapidembed.lexical.options import LexicalOptions
from rapidembed.lexical.vocabulary import Stemmer
from rapidembed.lexical.words import Tokenizer
from rapidembed.registry import SPARSE
from rapidembed.runtime import inputs
from rapidembed.runtime.background import in_background
from rapidembed.tasks.bulk import Texts, check_call, with_progress
from rapidembed.tasks.call import Call
from rapidembed.tasks.describe import describe
from rapidembed.tasks.lexical import LexicalBackend
from rapidembed.tasks.options import SparseOptions
from rapidembed.types import Device, Providers, SparseEmbedding


class SparseBackend(Protocol):
    """What computes the vectors of one model. The facade has checked the arguments and shapes the results."""

    @property
    def requires_idf(self) -> bool:
        """Whether an index has to multiply the weights by the terms' idf."""

    @property
    def vocab_size(self) -> int:
        """Number of possible indices; 0 where they are hashes."""

    @property
    def fingerprint(self) -> str:
        """A hash of everything that decides the vectors."""

    def call(self, role: str) -> Call:
        """A new call in the role "plain", "query" or "document"; it counts what is to be warned of."""

    def one(self, call: Call, text: str) -> SparseEmbedding:
        """The vector of a lone text, which somebody waits for."""

    def rows(
        self,
        call: Call,
        texts: Iterable[str],
        batch_size: int,
        workers: int | None,
        cancelled: threading.Event | None = None,
    ) -> Iterator[list[SparseEmbedding]]:
        """The vectors of many texts, window by window, in order.

        Args:
            call: prepares every text and names its index in errors; these come after the vectors of earlier texts.
            texts: read as needed.
            batch_size: most texts in a batch.
            workers: most cores to use; None: all that the model may use.
            cancelled: when it is set, the work ends soon.
        """

    def token_count(self, texts: Iterable[str], batch_size: int) -> int:
        """Tokens of all texts."""

    def close(self) -> None:
        """Give everything back; calls that run end with a ClosedError."""


class SparseTextEmbedding:
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
        precision: "auto" or "fp32".
        backend: "onnxruntime".
        revision: branch, tag or commit of a hub repository.
        local_files_only: never ask the network.
        token: access token for gated or private repositories. None: ``$HF_TOKEN``, or a login of the hub's client.
        max_tokens: cut texts at this many tokens. None: the checkpoint's limit. BM25 has none.
        truncate: whether texts over the limit are cut, with a warning; if False they are a ValueError.
        prompts: replaces the model's "query" and "document" prompts. BM25 has none.
        specific_model_path: folder that holds the model's files; for BM25 ``<language>.txt``, its stopwords.
        k: of BM25: how slowly repetitions of a term stop to count. None: 1.2.
        b: of BM25: how much long documents are held against their terms, 0 to 1. None: 0.75.
        avg_len: of BM25: terms in an average document. None: 256.
        language: of BM25: decides stemmer, stopwords and tokenizer. None: English.
        token_max_length: of BM25: longer words are dropped. None: 40.
        disable_stemmer: of BM25: words are terms as they are, and there are no stopwords but those given.
        stemmer: of BM25: an object with ``stem_word(word)``, instead of the language's; "" drops a word.
        stopwords: of BM25: words to drop, instead of the language's.
        tokenizer: of BM25: "word", fastembed's; "unicode", for any script; or a function from a text to its words, such
            as a segmenter's. None: "word", but "unicode" for languages whose words "word" would cut to pieces.

    Raises:
        ModelNotFoundError: nothing of that name exists.
        DeviceError: the device is not available, or options contradict each other.
        ValueError: an option has an impossible value, or is not one of this model.

    Objects are safe to use from several threads and may be pickled and copied.
    """

    def __init__(
        self,
        model_name: str,
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
        prompts: Mapping[str, str] | None = None,
        specific_model_path: str | Path | None = None,
        k: float | None = None,
        b: float | None = None,
        avg_len: float | None = None,
        language: str | None = None,
        token_max_length: int | None = None,
        disable_stemmer: bool | None = None,
        stemmer: Stemmer | None = None,
        stopwords: Collection[str] | None = None,
        tokenizer: Tokenizer | None = None,
    ) -> None:
        self._options = SparseOptions(
            model_name=str(model_name) if isinstance(model_name, Path) else model_name,
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
        )
        self._lexical = LexicalOptions(
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
        self._lock = threading.Lock()
        self._model: SparseBackend | None = None
        self._closed = False
        if not lazy_load:
            self._loaded()

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
        return self._encode("plain", texts, batch_size, parallel, show_progress)

    def encode_query(
        self, texts: Texts, *, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> Any:
        """Embed search queries. See :meth:`encode`."""
        return self._encode("query", texts, batch_size, parallel, show_progress)

    def encode_document(
        self, texts: Texts, *, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> Any:
        """Embed documents to be searched. See :meth:`encode`."""
        return self._encode("document", texts, batch_size, parallel, show_progress)

    async def aencode(
        self, texts: Texts, *, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> Any:
        """:meth:`encode` without blocking the event loop; cancelling stops the work."""
        return await self._aencode("plain", texts, batch_size, parallel, show_progress)

    async def aencode_query(
        self, texts: Texts, *, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> Any:
        """:meth:`encode_query` without blocking the event loop; cancelling stops the work."""
        return await self._aencode("query", texts, batch_size, parallel, show_progress)

    async def aencode_document(
        self, texts: Texts, *, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> Any:
        """:meth:`encode_document` without blocking the event loop; cancelling stops the work."""
        return await self._aencode("document", texts, batch_size, parallel, show_progress)

    # Iterators, as fastembed has them

    def embed(
        self, documents: Texts, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> Iterator[SparseEmbedding]:
        """Embed a stream of documents of any length in bounded memory.

        Arguments and errors are those of :meth:`encode`, and are checked now, not at the first vector. An iterable that
        is not a list is checked as it is read; vectors of the texts before a wrong one are yielded first.
        """
        return self._embed("plain", documents, batch_size, parallel, show_progress)

    def query_embed(
        self, query: Texts, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> Iterator[SparseEmbedding]:
        """:meth:`embed` for search queries."""
        return self._embed("query", query, batch_size, parallel, show_progress)

    def passage_embed(
        self, texts: Texts, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> Iterator[SparseEmbedding]:
        """:meth:`embed` for documents to be searched."""
        return self._embed("document", texts, batch_size, parallel, show_progress)

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
        """Number of possible indices; 0 where they are hashes."""
        return self._loaded().vocab_size

    @property
    def fingerprint(self) -> str:
        """A short hash of everything that decides the vectors: store it with an index, compare it before searching.

        Of a ``stemmer`` or ``tokenizer`` of your own only the name counts.
        """
        return self._loaded().fingerprint

    @classmethod
    def list_supported_models(cls) -> list[dict[str, Any]]:
        """The curated models that this version runs, one fresh dict each, with fastembed's keys and some of ours."""
        networks = [describe(spec) | {"vocab_size": spec.dim, "requires_idf": False} for spec in SPARSE.models()]
        return [*networks, *(_describe(model) for model in LEXICAL_MODELS)]

    # Lifetime

    def close(self) -> None:
        """Give the loaded model back. Closing again does nothing."""
        with self._lock:
            self._closed = True
            model, self._model = self._model, None
        if model is not None:
            model.close()

    def __enter__(self) -> "SparseTextEmbedding":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(
        self,
    ) -> tuple[Callable[..., "SparseTextEmbedding"], tuple[type["SparseTextEmbedding"], dict[str, Any]]]:
        return _rebuild, (type(self), self._options.picklable() | self._lexical.given())

    def __repr__(self) -> str:
        state = "closed" if self._closed else "loaded" if self._model else "not loaded"
        return f"{type(self).__name__}({self._options.model_name!r}, {state})"

    def _loaded(self) -> SparseBackend:
        with self._lock:
            if self._closed:
                raise ClosedError(f"{self._options.model_name} was closed. Create a new SparseTextEmbedding to go on.")
            if self._model is None:
                self._model = self._open()
            return self._model

    def _open(self) -> SparseBackend:
        """The backend that the model's name asks for."""
        lexical = find_lexical(self._options.model_name)
        if lexical is not None:
            return LexicalBackend(lexical, self._options, self._lexical)
        if given := self._lexical.given():
            raise ValueError(f"{', '.join(given)}: of BM25 only, and {self._options.model_name} is none. Leave it out.")
        # ONNX Runtime and the tokenizers, which BM25 does without.
        from rapidembed.tasks.sparse_network import NetworkBackend

        return NetworkBackend(self._options)

    def _encode(self, role: str, texts: Texts, batch_size: int, parallel: int | None, show_progress: bool) -> Any:
        vectors, call = self._compute(role, texts, batch_size, parallel, show_progress, None)
        call.warn(stacklevel=3)
        return vectors

    async def _aencode(
        self, role: str, texts: Texts, batch_size: int, parallel: int | None, show_progress: bool
    ) -> Any:
        vectors, call = await in_background(
            lambda cancelled: self._compute(role, texts, batch_size, parallel, show_progress, cancelled)
        )
        call.warn(stacklevel=3)
        return vectors

    def _compute(
        self,
        role: str,
        texts: Texts,
        batch_size: int,
        parallel: int | None,
        show_progress: bool,
        cancelled: threading.Event | None,
    ) -> tuple[SparseEmbedding | list[SparseEmbedding], Call]:
        single, texts, workers = check_call(texts, batch_size, parallel)
        model = self._loaded()
        call = model.call(role)
        if single is not None:
            return model.one(call, single), call
        windows = model.rows(call, texts, batch_size, workers, cancelled)
        return [row for window in with_progress(windows, texts, show_progress) for row in window], call

    def _embed(
        self, role: str, texts: Texts, batch_size: int, parallel: int | None, show_progress: bool
    ) -> Iterator[SparseEmbedding]:
        single, texts, workers = check_call(texts, batch_size, parallel)
        model = self._loaded()
        call = model.call(role)

        def vectors() -> Iterator[SparseEmbedding]:
            if single is not None:
                yield model.one(call, single)
            else:
                windows = model.rows(call, texts, batch_size, workers)
                for window in with_progress(windows, texts, show_progress):
                    yield from window
            call.warn(stacklevel=2)

        return vectors()


def _describe(model: LexicalModel) -> dict[str, Any]:
    return {
        "model": model.name,
        "vocab_size": LexicalBackend.vocab_size,
        "requires_idf": LexicalBackend.requires_idf,
        "description": model.description,
        "license": model.license,
        "size_in_GB": 0.0,
        "sources": {"hf": model.name, "url": None, "_deprecated_tar_struct": False},
        "model_file": "",
        "additional_files": [],
        "languages": list(LANGUAGES),
        "languages_equal_to_fastembed": [name for name, language in LANGUAGES.items() if language.equal],
    }


def _rebuild(cls: type[SparseTextEmbedding], options: dict[str, Any]) -> SparseTextEmbedding:
    return cls(**options)
