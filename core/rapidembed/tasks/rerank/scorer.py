"""The call surface of the facade for pairs: from the arguments of a call to scores."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from rapidembed.runtime import inputs
from rapidembed.runtime.sinks import VectorSink
from rapidembed.tasks.arrow.columns import Texts, column_of
from rapidembed.tasks.arrow.forms import Scores
from rapidembed.tasks.arrow.pairs import Pairs
from rapidembed.tasks.bulk import Bulk, count_of, gather, with_progress
from rapidembed.tasks.call import Call, awaited, told
from rapidembed.tasks.facade import Facade
from rapidembed.tasks.rerank.inputs import Activation, LabelActivation, activation_of, checked, pairs_of
from rapidembed.tasks.rerank.model import RerankModel
from rapidembed.tasks.rerank.options import RerankOptions
from rapidembed.tasks.rerank.steps import Pair
from rapidembed.tasks.results import RankedDocument
from rapidembed.types import Vectors

if TYPE_CHECKING:
    import pyarrow


class Scorer(Facade[RerankOptions, RerankModel]):
    """Base of the facade that scores pairs."""

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
        return told(self._compute(pairs_of(query, documents), activation, bulk))

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
        return told(self._compute(pairs, activation, Bulk(batch_size, parallel, show_progress)))

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
        """
        return told(self._compute_labels(pairs, activation, Bulk(batch_size, parallel, show_progress)))

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
        """
        bulk = Bulk(batch_size, parallel, show_progress)
        return told(self._rank(query, documents, top_k, return_documents, activation, bulk))

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
        bulk = Bulk(batch_size, parallel, show_progress)
        return await awaited(lambda bulk: self._compute(pairs_of(query, documents), activation, bulk), bulk)

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
        bulk = Bulk(batch_size, parallel, show_progress)
        return await awaited(lambda bulk: self._compute(pairs, activation, bulk), bulk)

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
        bulk = Bulk(batch_size, parallel, show_progress)
        return await awaited(lambda bulk: self._compute_labels(pairs, activation, bulk), bulk)

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
        rank = partial(self._rank, query, documents, top_k, return_documents, activation)
        return await awaited(rank, Bulk(batch_size, parallel, show_progress))

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

    # Arrow

    def arrow_type(self) -> "pyarrow.DataType":
        """The type of what :meth:`score_arrow` returns, float32; needs the extra ``arrow``."""
        return Scores().type

    def score_arrow(
        self,
        data: Any,
        column: str | None = None,
        *,
        query: str | None = None,
        query_column: str | None = None,
        activation: Activation = "logit",
        batch_size: int = 64,
        parallel: int | None = None,
    ) -> "pyarrow.Array":
        """Score a column of documents against one query, or each against its own; needs the extra ``arrow``.

        Args:
            data: see :meth:`rapidembed.TextEmbedding.embed_arrow`.
            column: of the documents, where ``data`` is a table.
            query: the query of all rows.
            query_column: where the queries are, instead of ``query``.
            activation: see :meth:`score`, as for the other arguments and the errors.
            batch_size: see :meth:`score`.
            parallel: see :meth:`score`.

        Returns:
            A float32 array, a score for each row, null where query or document is null.
        """
        if (query is None) == (query_column is None):
            raise ValueError("Give either query or query_column.")
        pairs = Pairs(
            documents=Texts(column_of(data, column)),
            queries=None if query_column is None else Texts(column_of(data, query_column)),
            query="" if query is None else inputs.check_text(query, name="query"),
        )
        scores = told(self._compute(pairs, activation, Bulk(batch_size, parallel, False)))
        return Scores().build([scores], len(pairs), pairs.nulls)

    # Behind them

    def _windows(self, pairs: Pair | Iterable[Pair], bulk: Bulk) -> tuple[Iterator[Vectors], Iterable[Pair], Call]:
        """Scores by window, (some pairs, labels); the pairs; and the call. Input is checked now."""
        pairs = checked(pairs)
        model = self._loaded()
        steps = model.pair_steps()
        steps.call.quiet = self._view.quiet

        def windows() -> Iterator[Vectors]:
            with self._observed("pair", count_of(pairs), steps.call, stream=not bulk.gathered):
                found = model.windows(pairs, steps, VectorSink(model.spec.dim), bulk)
                yield from with_progress(found, pairs, bulk.show_progress)

        return windows(), pairs, steps.call

    def _compute(self, pairs: Pair | Iterable[Pair], activation: str, bulk: Bulk) -> tuple[Vectors, Call]:
        apply, column = activation_of(activation), self._loaded().column
        windows, pairs, call = self._windows(pairs, replace(bulk, gathered=True))
        return apply(gather((window[:, column : column + 1] for window in windows), pairs, 1)[:, 0]), call

    def _compute_labels(self, pairs: Pair | Iterable[Pair], activation: str, bulk: Bulk) -> tuple[Vectors, Call]:
        apply, labels = activation_of(activation, get_args(LabelActivation)), self._loaded().spec.dim
        windows, pairs, call = self._windows(pairs, replace(bulk, gathered=True))
        return apply(gather(windows, pairs, labels)), call

    def _rank(
        self,
        query: str,
        documents: Iterable[str],
        top_k: int | None,
        return_documents: bool,
        activation: str,
        bulk: Bulk,
    ) -> tuple[list[RankedDocument], Call]:
        if top_k is not None:
            inputs.check_positive("top_k", top_k)
        pairs = list(pairs_of(query, documents))
        scores, call = self._compute(pairs, activation, bulk)
        best = np.argsort(-scores, kind="stable")[:top_k].tolist()
        texts = [pairs[i][1] if return_documents else None for i in best]
        return [RankedDocument(i, float(scores[i]), text) for i, text in zip(best, texts, strict=True)], call

    def _iterate(self, pairs: Pair | Iterable[Pair], bulk: Bulk) -> Iterator[float]:
        column = self._loaded().column
        windows, _, call = self._windows(pairs, bulk)

        def scores() -> Iterator[float]:
            for window in windows:
                yield from window[:, column].tolist()
            call.warn(stacklevel=2)

        return scores()
