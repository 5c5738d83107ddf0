"""From the inputs of a call to its results, whatever the inputs are: one result of each."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar, cast, get_args

from rapidembed.errors import UnsupportedModelError
from rapidembed.names import Role
from rapidembed.tasks.bulk import Bulk, count_of, with_progress
from rapidembed.tasks.call import Call, awaited, told
from rapidembed.tasks.facade import Facade, Model, O

if TYPE_CHECKING:
    import pyarrow

    from rapidembed.tasks.arrow.columns import Column
    from rapidembed.tasks.arrow.forms import Form
    from rapidembed.tasks.arrow.packing import Packing, VectorType
    from rapidembed.tasks.quantize import Ranges

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


_NO_ARROW = (
    "{} does not say what its results are in Arrow. Embed by its other methods, and build an array of what they return."
)

M = TypeVar("M", bound=RunnableModel[Any, Any, Any])


class Runner(Facade[O, M], Generic[O, M, X, V, R]):
    """Base of the facades that make a ``V`` of each ``X``, and an ``R`` of several."""

    _unit: ClassVar[str]
    """What an input is called on progress bars."""
    _batch_size: ClassVar[int] = 256
    """Most inputs in one batch, where a call does not say."""

    def _lone(self, role: str, items: X | Iterable[X]) -> X | None:
        """Check the inputs, a list item by item; return the input if it is a single one."""
        raise NotImplementedError

    def _gather(self, model: M, windows: Iterator[R], items: Iterable[X]) -> R:
        """The windows as one: here a list."""
        return cast("R", [result for window in windows for result in window])

    def _column(self, column: Any) -> "Column[X]":
        """The inputs in a column of Arrow data."""
        raise UnsupportedModelError(_NO_ARROW.format(type(self).__name__))

    def _form(self, packing: "Packing") -> "Form[R]":
        """What an Arrow array of results looks like.

        Raises:
            ValueError: they cannot be packed so.
        """
        raise UnsupportedModelError(_NO_ARROW.format(type(self).__name__))

    def _each(self, window: R) -> Iterable[V]:
        """The results in a window, which they do not keep in memory."""
        return window

    # Arrow

    def arrow_type(self, dtype: "VectorType" = "float32") -> "pyarrow.DataType":
        """The type of what :meth:`embed_arrow` returns; needs the extra ``arrow``.

        Nothing is loaded for it: models known by name are known to their dimensions, of others the files are found.
        """
        from rapidembed.tasks.arrow.packing import Packing

        return self._form(Packing(dtype)).type

    def embed_arrow(
        self,
        data: Any,
        column: str | None = None,
        *,
        role: Role = "document",
        dtype: "VectorType" = "float32",
        ranges: "Ranges | None" = None,
        batch_size: int | None = None,
        parallel: int | None = None,
    ) -> "pyarrow.Array":
        """Embed a column of Arrow data; needs the extra ``arrow``.

        Args:
            data: a pyarrow array or chunked array; a record batch or table; or what has Arrow's C interface, such as a
                Series or a DataFrame of polars. Of pictures a column is binary, paths, ``datasets``' struct of both, or
                a tensor.
            column: its name, where ``data`` is a table.
            role: "document", "query" or "plain": with the prompt of which.
            dtype: numbers of dense and of token vectors: "float32"; "float16"; "int8" or "uint8", spread over
                ``ranges``; "binary" or "ubinary", signs, eight to a byte.
            ranges: for 8 bits, see :class:`rapidembed.toolkit.vectors.Ranges`.
            batch_size: most inputs in one batch. None: as :meth:`embed` has it.
            parallel: most cores to use for this call; None or 0: all that the model may use.

        Returns:
            An array of the type :meth:`arrow_type`, a row for each of the column, null where that is null: of dense
            vectors ``FixedSizeList``, of sparse ones ``Struct<indices: List<int64>, values: List<float32>>``, of token
            vectors ``List<FixedSizeList>``, of hybrid ones a struct of all three. Beside it memory holds what is being
            computed, however long a chunked array is.

        Raises:
            TypeError: ``data`` is no column of such inputs.
            ValueError: an argument is out of range, or there is no such column.
            MissingExtraError: pyarrow is not installed.
            NonFiniteError, ClosedError, PictureError: as the other methods.
        """
        from rapidembed.tasks.arrow.columns import column_of
        from rapidembed.tasks.arrow.packing import Packing

        if role not in get_args(Role):
            raise ValueError(f"role must be one of {', '.join(get_args(Role))}, got {role!r}.")
        inputs, form = self._column(column_of(data, column)), self._form(Packing(dtype, ranges))
        bulk = Bulk(self._batch_size if batch_size is None else batch_size, parallel, False)
        gather = partial(form.build, count=len(inputs), nulls=inputs.nulls)
        return told(self._compute(role, inputs, bulk, lambda model, windows, items: gather(windows)))

    # Behind them

    def _call(self, model: M, role: str) -> Call:
        call = model.call(role)
        call.quiet = self._view.quiet
        return call

    def _encode(self, role: str, items: X | Iterable[X], bulk: Bulk) -> V | R:
        return cast("V | R", told(self._compute(role, items, bulk), 3))

    async def _aencode(self, role: str, items: X | Iterable[X], bulk: Bulk) -> V | R:
        # What may take long, such as to load the model or to check a list, is not for the event loop.
        model = self._model
        lone = self._lone(role, items) if model is not None and isinstance(items, str) else None
        if model is not None and lone is not None:
            call = self._call(model, role)
            pending = model.aone(call, lone)
            if pending is not None:
                with self._observed(role, 1, call):
                    result: V = await pending
                call.warn(stacklevel=3)
                return result
        return await awaited(partial(self._compute, role, items), bulk, 4)

    def _compute(
        self,
        role: str,
        items: X | Iterable[X],
        bulk: Bulk,
        gather: Callable[[M, Iterator[R], Iterable[X]], Any] | None = None,
    ) -> tuple[Any, Call]:
        lone = self._lone(role, items)
        model = self._loaded()
        call = self._call(model, role)
        with self._observed(role, 1 if lone is not None else count_of(items), call):
            if lone is not None:
                return model.one(call, lone), call
            many = cast("Iterable[X]", items)
            rows = model.rows(call, many, replace(bulk, gathered=True))
            windows = with_progress(rows, many, bulk.show_progress, self._unit)
            return (gather or self._gather)(model, windows, many), call

    def _embed(self, role: str, items: X | Iterable[X], bulk: Bulk) -> Iterator[V]:
        lone = self._lone(role, items)
        model = self._loaded()
        call = self._call(model, role)

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
