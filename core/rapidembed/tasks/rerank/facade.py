"""Reranking: how well each of some documents answers a query."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, overload

from rapidembed.registry import ModelSpec
from rapidembed.runtime import inputs
from rapidembed.tasks.custom import custom_reranker, spec_of
from rapidembed.tasks.known import Known
from rapidembed.tasks.rerank.inputs import checked
from rapidembed.tasks.rerank.model import RerankModel
from rapidembed.tasks.rerank.options import RerankOptions
from rapidembed.tasks.rerank.scorer import Scorer
from rapidembed.tasks.rerank.steps import Pair
from rapidembed.types import Device, Providers


class TextCrossEncoder(Scorer):
    """Scores pairs of query and document with a model that reads both together.

    Slower than comparing vectors, and more exact: made for the few dozen documents that a search has found.

    Example:
        >>> from rapidembed import TextCrossEncoder
        >>> model = TextCrossEncoder("Xenova/ms-marco-MiniLM-L-6-v2")  # doctest: +SKIP
        >>> scores = list(model.rerank("a feline", ["cats sleep", "stocks fell"]))  # doctest: +SKIP
        >>> model.rank("a feline", ["stocks fell", "cats sleep"], top_k=1)[0].index  # doctest: +SKIP
        1

    Args:
        model_name: a curated name (:meth:`list_supported_models`), a hub repository or local folder that holds a
            classifier (transformers' ``ForSequenceClassification``, sentence-transformers' CrossEncoder), or
            ``package:NAME``.
        label: of a classifier with several labels, the one whose score ranks documents: its name or its number. None:
            such a model only gives the scores of all, see :meth:`score_labels`.
        max_tokens: cut pairs at this many tokens, special tokens included, the longer text first. None: the
            checkpoint's limit. It may go up to the model's positions.
        truncate: whether pairs over the limit are cut, with one :class:`~rapidembed.TruncationWarning` per call; if
            False they are a ValueError.

    The other arguments, the errors, and what is said there of threads, copies and lifetime are those of
    :class:`rapidembed.TextEmbedding`.
    """

    __module__ = "rapidembed"
    _task = Known("rerank")
    _kind = RerankModel

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
        label: str | int | None = None,
        specific_model_path: str | Path | None = None,
    ) -> None:
        self._start(RerankOptions, locals())

    # Facts

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the classifier's labels; most rerankers have one."""
        return self._loaded().labels

    def token_count(self, pairs: Pair | Iterable[Pair], batch_size: int = 1024) -> int:
        """Tokens of the pairs as the model reads them: special tokens included, after truncation, over all pairs."""
        inputs.check_positive("batch_size", batch_size)
        model = self._loaded()
        return model.count(checked(pairs), model.pair_steps(), batch_size)

    @overload
    @classmethod
    def add_custom_model(cls, model: ModelSpec) -> None: ...

    @overload
    @classmethod
    def add_custom_model(
        cls,
        model: str,
        sources: object,
        model_file: str | None = None,
        description: str = "",
        license: str = "",
        size_in_gb: float = 0.0,
        additional_files: Sequence[str] | None = None,
        *,
        max_tokens: int | None = None,
    ) -> None: ...

    @classmethod
    def add_custom_model(cls, model: str | ModelSpec, *args: Any, **options: Any) -> None:
        """Give a reranker of your own a name, for this process and for every process that its objects are pickled to.

        Hub repositories and folders need no registration. It serves ONNX files, and token limits of your own. The
        arguments are those of :meth:`rapidembed.TextEmbedding.add_custom_model`, as far as they concern rerankers; the
        model gives each pair one score.

        Raises:
            ValueError: a value is impossible, or the name is taken.
            TypeError: an argument is missing or unknown.
        """
        super().add_custom_model(spec_of(custom_reranker, model, *args, **options))
