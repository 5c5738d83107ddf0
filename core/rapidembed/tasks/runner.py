"""From the inputs of a call to its results, whatever the inputs are: one result of each."""

from collections.abc import Awaitable, Collection, Iterable, Iterator
from dataclasses import replace
from typing import Any, ClassVar, Generic, Protocol, TypeVar, cast

from rapidembed.tasks.bulk import Bulk, count_of, with_progress
from rapidembed.tasks.call import Call, awaited
from rapidembed.tasks.facade import Facade, Model, O

X = TypeVar("X")
V = TypeVar("V")
R = TypeVar("R", bound=Collection[Any])
X_contra = TypeVar("X_contra", contravariant=True)
V_co = TypeVar("V_co", covariant=True)
R_co = TypeVar("R_co", bound=Collection[Any], covariant=True)


class RunnableModel(Model, Protocol[X_contra, V_co, R_co]):
    """A loaded model that makes a ``V_co`` of each input, and an ``R_co`` of several."""

    def call(self, role: str) -> Call:
        """A new call in the role "plain", "query" or "document"; it counts what is to be warned of."""

    def one(self, call: Call, item: X_contra) -> V_co:
        """The result of a lone input, which somebody waits for."""

    def aone(self, call: Call, item: X_contra) -> Awaitable[V_co] | None:
        """:meth:`one` for who awaits, without a thread of its own; None: there is no such way."""

    def rows(self, call: Call, items: Iterable[X_contra], bulk: Bulk) -> Iterator[R_co]:
        """The results of many inputs, window by window, in order.

        Args:
            call: prepares every input and names its index in errors; these come after the results of earlier ones.
            items: read as needed.
            bulk: how to go through them.
        """


M = TypeVar("M", bound=RunnableModel[Any, Any, Any])


class Runner(Facade[O, M], Generic[O, M, X, V, R]):
    """Base of the facades that make a ``V`` of each ``X``, and an ``R`` of several."""

    _unit: ClassVar[str]
    """What an input is called on progress bars."""

    def _lone(self, role: str, items: X | Iterable[X]) -> X | None:
        """Check the inputs, a list item by item; return the input if it is a single one."""
        raise NotImplementedError

    def _gather(self, model: M, windows: Iterator[R], items: Iterable[X]) -> R:
        """The windows as one: here a list."""
        return cast("R", [result for window in windows for result in window])

    def _each(self, window: R) -> Iterable[V]:
        """The results in a window, which they do not keep in memory."""
        return window

    def _encode(self, role: str, items: X | Iterable[X], bulk: Bulk) -> V | R:
        results, call = self._compute(role, items, bulk)
        call.warn(stacklevel=3)
        return results

    async def _aencode(self, role: str, items: X | Iterable[X], bulk: Bulk) -> V | R:
        # What may take long, such as to load the model or to check a list, is not for the event loop.
        model = self._model
        lone = self._lone(role, items) if model is not None and isinstance(items, str) else None
        if model is not None and lone is not None:
            call = model.call(role)
            pending = model.aone(call, lone)
            if pending is not None:
                with self._observed(role, 1, call):
                    result: V = await pending
                call.warn(stacklevel=3)
                return result
        return await awaited(lambda cancelled: self._compute(role, items, replace(bulk, cancelled=cancelled)), 4)

    def _compute(self, role: str, items: X | Iterable[X], bulk: Bulk) -> tuple[V | R, Call]:
        lone = self._lone(role, items)
        model = self._loaded()
        call = model.call(role)
        with self._observed(role, 1 if lone is not None else count_of(items), call):
            if lone is not None:
                return model.one(call, lone), call
            many = cast("Iterable[X]", items)
            rows = model.rows(call, many, replace(bulk, gathered=True))
            windows = with_progress(rows, many, bulk.show_progress, self._unit)
            return self._gather(model, windows, many), call

    def _embed(self, role: str, items: X | Iterable[X], bulk: Bulk) -> Iterator[V]:
        lone = self._lone(role, items)
        model = self._loaded()
        call = model.call(role)

        def results() -> Iterator[V]:
            with self._observed(role, 1 if lone is not None else count_of(items), call, stream=True):
                if lone is not None:
                    yield model.one(call, lone)
                else:
                    many = cast("Iterable[X]", items)
                    for window in with_progress(model.rows(call, many, bulk), many, bulk.show_progress, self._unit):
                        yield from self._each(window)
            call.warn(stacklevel=2)

        return results()
