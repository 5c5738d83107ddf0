"""What the facade for pairs does behind its methods: from the arguments of a call to scores."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from rapidembed.runtime import inputs
from rapidembed.runtime.sinks import VectorSink
from rapidembed.tasks.bulk import Bulk, gather, with_progress
from rapidembed.tasks.call import Call
from rapidembed.tasks.facade import Facade
from rapidembed.tasks.rerank.inputs import activation_of, checked, pairs_of
from rapidembed.tasks.rerank.model import Reranker
from rapidembed.tasks.rerank.options import RerankOptions
from rapidembed.tasks.rerank.steps import Pair
from rapidembed.tasks.results import RankedDocument
from rapidembed.types import Vectors

_LABEL_ACTIVATIONS = ("logit", "sigmoid", "softmax")


class Scorer(Facade[RerankOptions, Reranker]):
    """Base of the facade that scores pairs."""

    def _windows(self, pairs: Pair | Iterable[Pair], bulk: Bulk) -> tuple[Iterator[Vectors], Iterable[Pair], Call]:
        """Scores by window, (some pairs, labels); the pairs; and the call. Input is checked now."""
        pairs = checked(pairs)
        model = self._loaded()
        steps = model.steps()
        windows = model.windows(pairs, steps, VectorSink(model.spec.dim), bulk)
        return with_progress(windows, pairs, bulk.show_progress), pairs, steps.call

    def _compute(self, pairs: Pair | Iterable[Pair], activation: str, bulk: Bulk) -> tuple[Vectors, Call]:
        apply, column = activation_of(activation), self._loaded().column
        windows, pairs, call = self._windows(pairs, replace(bulk, gathered=True))
        return apply(gather((window[:, column : column + 1] for window in windows), pairs, 1)[:, 0]), call

    def _compute_labels(self, pairs: Pair | Iterable[Pair], activation: str, bulk: Bulk) -> tuple[Vectors, Call]:
        apply, labels = activation_of(activation, _LABEL_ACTIVATIONS), self._loaded().spec.dim
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
