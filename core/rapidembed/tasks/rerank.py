"""Reranking: how well each of some documents answers a query."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, overload

from rapidembed.registry import ModelSpec
from rapidembed.runtime import inputs
from rapidembed.tasks.bulk import Bulk
from rapidembed.tasks.call import awaited
from rapidembed.tasks.custom import custom_reranker
from rapidembed.tasks.facade import name_of
from rapidembed.tasks.known import Known
from rapidembed.tasks.pair_inputs import Activation, LabelActivation, checked, pairs_of
from rapidembed.tasks.pair_steps import Pair
from rapidembed.tasks.rerank_options import RerankOptions
from rapidembed.tasks.reranker import Reranker
from rapidembed.tasks.results import RankedDocument
from rapidembed.tasks.scoring import Scorer
from rapidembed.types import Device, Providers, Vectors


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

    _task = Known("rerank")

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
        options = RerankOptions(
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
            label=label,
        )
        self._start(options)

    # Arrays

    def score(
        self,
        query: str,
        documents: Iterable[str],
        *,
        activation: Activation = "logit",
        batch_size: int = 64,
        parallel: int | None = None,
        show_progress: bool = False,
    ) -> Vectors:
        """Score documents against one query, which is tokenized once.

        Args:
            query: the query.
            documents: the documents, in any number.
            activation: "logit": the model's own numbers, of any size and sign; "sigmoid": between 0 and 1.
            batch_size: most pairs in one batch; batches are otherwise sized by their work.
            parallel: most cores to use for this call; None or 0: all that the model may use.
            show_progress: show a progress bar.

        Returns:
            float32 ``(documents,)``, in their order; higher is more relevant.

        Raises:
            TypeError: an item is not a str; names its index. Lists are checked before any work begins.
            ValueError: an argument is out of range, a pair is too long and ``truncate`` is False, or the model has
                several labels and none was chosen.
            NonFiniteError: the model produced NaN or infinity.
            ClosedError: the model was closed.
        """
        bulk = Bulk(batch_size, parallel, show_progress)
        scores, call = self._compute(pairs_of(query, documents), activation, bulk)
        call.warn(stacklevel=2)
        return scores

    def score_pairs(
        self,
        pairs: Pair | Iterable[Pair],
        *,
        activation: Activation = "logit",
        batch_size: int = 64,
        parallel: int | None = None,
        show_progress: bool = False,
    ) -> Vectors:
        """Score pairs (query, document): float32 ``(pairs,)``. See :meth:`score`."""
        scores, call = self._compute(pairs, activation, Bulk(batch_size, parallel, show_progress))
        call.warn(stacklevel=2)
        return scores

    def score_labels(
        self,
        pairs: Pair | Iterable[Pair],
        *,
        activation: LabelActivation = "logit",
        batch_size: int = 64,
        parallel: int | None = None,
        show_progress: bool = False,
    ) -> Vectors:
        """The score of every label: float32 ``(pairs, labels)``, in the order of :attr:`labels`.

        Args:
            pairs: pairs of texts.
            activation: "softmax": the labels of a pair add up to 1; for the others see :meth:`score`, as for the other
                arguments and the errors.
            batch_size: see :meth:`score`.
            parallel: see :meth:`score`.
            show_progress: see :meth:`score`.
        """
        scores, call = self._compute_labels(pairs, activation, Bulk(batch_size, parallel, show_progress))
        call.warn(stacklevel=2)
        return scores

    def rank(
        self,
        query: str,
        documents: Iterable[str],
        top_k: int | None = None,
        return_documents: bool = False,
        activation: Activation = "logit",
        *,
        batch_size: int = 64,
        parallel: int | None = None,
        show_progress: bool = False,
    ) -> list[RankedDocument]:
        """Sort documents by their score, the best first; equal ones keep their order.

        Args:
            query: the query.
            documents: the documents, in any number.
            top_k: how many to return at most; None: all.
            return_documents: whether the result holds the texts.
            activation: see :meth:`score`, as for the other arguments and the errors.
            batch_size: see :meth:`score`.
            parallel: see :meth:`score`.
            show_progress: see :meth:`score`.
        """
        bulk = Bulk(batch_size, parallel, show_progress)
        ranking, call = self._rank(query, documents, top_k, return_documents, activation, bulk)
        call.warn(stacklevel=2)
        return ranking

    async def ascore(
        self,
        query: str,
        documents: Iterable[str],
        *,
        activation: Activation = "logit",
        batch_size: int = 64,
        parallel: int | None = None,
        show_progress: bool = False,
    ) -> Vectors:
        """:meth:`score` without blocking the event loop; cancelling stops the work."""
        return await awaited(
            lambda cancelled: self._compute(
                pairs_of(query, documents), activation, Bulk(batch_size, parallel, show_progress, cancelled)
            )
        )

    async def ascore_pairs(
        self,
        pairs: Pair | Iterable[Pair],
        *,
        activation: Activation = "logit",
        batch_size: int = 64,
        parallel: int | None = None,
        show_progress: bool = False,
    ) -> Vectors:
        """:meth:`score_pairs` without blocking the event loop; cancelling stops the work."""
        return await awaited(
            lambda cancelled: self._compute(pairs, activation, Bulk(batch_size, parallel, show_progress, cancelled))
        )

    async def ascore_labels(
        self,
        pairs: Pair | Iterable[Pair],
        *,
        activation: LabelActivation = "logit",
        batch_size: int = 64,
        parallel: int | None = None,
        show_progress: bool = False,
    ) -> Vectors:
        """:meth:`score_labels` without blocking the event loop; cancelling stops the work."""
        return await awaited(
            lambda cancelled: self._compute_labels(
                pairs, activation, Bulk(batch_size, parallel, show_progress, cancelled)
            )
        )

    async def arank(
        self,
        query: str,
        documents: Iterable[str],
        top_k: int | None = None,
        return_documents: bool = False,
        activation: Activation = "logit",
        *,
        batch_size: int = 64,
        parallel: int | None = None,
        show_progress: bool = False,
    ) -> list[RankedDocument]:
        """:meth:`rank` without blocking the event loop; cancelling stops the work."""
        return await awaited(
            lambda cancelled: self._rank(
                query,
                documents,
                top_k,
                return_documents,
                activation,
                Bulk(batch_size, parallel, show_progress, cancelled),
            )
        )

    # Iterators, as fastembed has them

    def rerank(
        self,
        query: str,
        documents: Iterable[str],
        batch_size: int = 64,
        parallel: int | None = None,
        show_progress: bool = False,
    ) -> Iterator[float]:
        """Score a stream of documents in bounded memory.

        Arguments and errors are those of :meth:`score`, and are checked now, not at the first score. An iterable that
        is not a list is checked as it is read; scores of the documents before a wrong one are yielded first.

        Yields:
            One float per document, in order: the model's logit.
        """
        return self._iterate(pairs_of(query, documents), Bulk(batch_size, parallel, show_progress))

    def rerank_pairs(
        self,
        pairs: Pair | Iterable[Pair],
        batch_size: int = 64,
        parallel: int | None = None,
        show_progress: bool = False,
    ) -> Iterator[float]:
        """:meth:`rerank` for pairs (query, document)."""
        return self._iterate(pairs, Bulk(batch_size, parallel, show_progress))

    # Facts

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the classifier's labels; most rerankers have one."""
        return self._loaded().labels

    def token_count(self, pairs: Pair | Iterable[Pair], batch_size: int = 1024) -> int:
        """Tokens of the pairs as the model reads them: special tokens included, after truncation, over all pairs."""
        inputs.check_positive("batch_size", batch_size)
        model = self._loaded()
        steps = model.steps()
        chunks = model.chunks(checked(pairs), steps, batch_size)
        return sum(len(tokens.ids) for chunk in chunks for tokens in steps.tokenize(chunk))

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
        if isinstance(model, ModelSpec) and (args or options):
            raise TypeError("A ModelSpec says everything; give no other arguments.")
        super().add_custom_model(model if isinstance(model, ModelSpec) else custom_reranker(model, *args, **options))

    def _load(self) -> Reranker:
        return Reranker.load(self, self._options, self._placement)
