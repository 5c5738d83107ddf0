"""Sparse text embedding."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from rapidembed.lexical.models import LEXICAL_MODELS, find_lexical
from rapidembed.lexical.vocabulary import Stemmer
from rapidembed.lexical.words import WordSplitter
from rapidembed.runtime.device import Placement
from rapidembed.tasks.embedder import Embedder
from rapidembed.tasks.known import Known
from rapidembed.tasks.sparse.lexical import Bm25Model
from rapidembed.tasks.sparse.options import SparseOptions
from rapidembed.types import Device, Providers, SparseEmbedding

if TYPE_CHECKING:
    from pathlib import Path

    from rapidembed.registry import ModelSpec
    from rapidembed.tasks.arrow.forms import Form
    from rapidembed.tasks.arrow.packing import Packing
    from rapidembed.tasks.sparse.model import NeuralSparseModel


class SparseTextEmbedding(
    Embedder[SparseOptions, "Bm25Model | NeuralSparseModel", SparseEmbedding, list[SparseEmbedding]]
):
    """Turns texts into sparse vectors: weights of words, for search by an inverted index.

    Example:
        >>> from rapidembed import SparseTextEmbedding
        >>> model = SparseTextEmbedding("Qdrant/bm25")
        >>> document = model.encode_document("The cat sat on the mat.").as_dict()
        >>> query = model.encode_query("cats").as_dict()
        >>> sorted(document.keys() & query.keys()) == sorted(query)  # "cat" and "cats" are one term
        True

    Results:
        Methods return a :class:`~rapidembed.SparseEmbedding` for one text, and a list or an iterator of them for
        several. A text without terms has no entries. Texts that are encoded as they are count as documents, and
        :meth:`token_count` counts BM25's words, stopwords included.

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
            ``backend="openvino"`` or "native", or "fast", the fastest here that loses at most a tenth of a point in
            retrieval. docs/precision.md says what each costs.
        backend: as of :class:`rapidembed.TextEmbedding`.
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

    __module__ = "rapidembed"
    _task = Known("sparse")
    _lexical: ClassVar[type[Bm25Model]] = Bm25Model

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
        self._start(SparseOptions, locals())

    # Facts

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
        from rapidembed.tasks.sparse.describe import describe_lexical, describe_sparse

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

    def _form(self, packing: "Packing") -> "Form[list[SparseEmbedding]]":
        from rapidembed.tasks.arrow.forms import Sparse

        if packing.dtype != "float32":
            raise ValueError(f'Sparse vectors are float32 only, got dtype="{packing.dtype}".')
        return Sparse()

    def _load(self) -> "Bm25Model | NeuralSparseModel":
        if lexical := find_lexical(self._options.model_name):
            return self._lexical(lexical, self._options)
        # ONNX Runtime and the tokenizers, which BM25 does without.
        from rapidembed.tasks.sparse.model import NeuralSparseModel

        return NeuralSparseModel.load(self)
