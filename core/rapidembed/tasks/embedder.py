"""What the facades share that embed texts: from the arguments of a call to its results, by the role of the texts."""

from collections.abc import Awaitable, Collection, Iterable, Iterator
from dataclasses import replace
from typing import Any, Generic, Protocol, TypeVar

from rapidembed.tasks.bulk import Bulk, Texts, check_texts, with_progress
from rapidembed.tasks.call import Call, awaited
from rapidembed.tasks.facade import Facade, Model
from rapidembed.tasks.options import ModelOptions

V = TypeVar("V")
R = TypeVar("R", bound=Collection[Any])
V_co = TypeVar("V_co", covariant=True)
R_co = TypeVar("R_co", bound=Collection[Any], covariant=True)


class TextModel(Model, Protocol[V_co, R_co]):
    """A loaded model that makes a ``V_co`` of each text, and an ``R_co`` of several."""

    def call(self, role: str) -> Call:
        """A new call in the role "plain", "query" or "document"; it counts what is to be warned of."""

    def one(self, call: Call, text: str) -> V_co:
        """The result of a lone text, which somebody waits for."""

    def rows(self, call: Call, texts: Iterable[str], bulk: Bulk) -> Iterator[R_co]:
        """The results of many texts, window by window, in order.

        Args:
            call: prepares every text and names its index in errors; these come after the results of earlier texts.
            texts: read as needed.
            bulk: how to go through them.
        """


O = TypeVar("O", bound=ModelOptions)  # noqa: E741
M = TypeVar("M", bound=TextModel[Any, Any])


class Embedder(Facade[O, M], Generic[O, M, V, R]):
    """Base of the facades that embed texts."""

    def _gather(self, model: M, windows: Iterator[R], texts: Iterable[str]) -> R:
        """The windows as one."""
        raise NotImplementedError

    def _each(self, window: R) -> Iterable[V]:
        """The results in a window, which they do not keep in memory."""
        return window

    def _encode(self, role: str, texts: Texts, bulk: Bulk) -> V | R:
        results, call = self._compute(role, texts, bulk)
        call.warn(stacklevel=3)
        return results

    def _aencode(self, role: str, texts: Texts, bulk: Bulk) -> Awaitable[V | R]:
        return awaited(lambda cancelled: self._compute(role, texts, replace(bulk, cancelled=cancelled)))

    def _compute(self, role: str, texts: Texts, bulk: Bulk) -> tuple[V | R, Call]:
        single = check_texts(texts)
        model = self._loaded()
        call = model.call(role)
        if single is not None:
            return model.one(call, single), call
        rows = model.rows(call, texts, replace(bulk, gathered=True))
        windows = with_progress(rows, texts, bulk.show_progress)
        return self._gather(model, windows, texts), call

    def _embed(self, role: str, texts: Texts, bulk: Bulk) -> Iterator[V]:
        single = check_texts(texts)
        model = self._loaded()
        call = model.call(role)

        def results() -> Iterator[V]:
            if single is not None:
                yield model.one(call, single)
            else:
                for window in with_progress(model.rows(call, texts, bulk), texts, bulk.show_progress):
                    yield from self._each(window)
            call.warn(stacklevel=2)

        return results()
