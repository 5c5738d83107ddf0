"""A function from tables to tables with the vectors of a column, as schedulers of data sets want it."""

import inspect
from typing import Any, TypeAlias

from rapidembed.tasks.arrow.extra import pyarrow
from rapidembed.tasks.rerank.scorer import Scorer
from rapidembed.tasks.runner import Runner
from rapidembed.tasks.shared import shared

AnyFacade: TypeAlias = "Runner[Any, Any, Any, Any, Any] | Scorer"

_HOW = ("batch_size", "parallel")
"""Options that do not decide what is computed."""


class EmbedColumn:
    """Adds a column of vectors (of a reranker: scores) to pyarrow tables and record batches.

    It pickles as the options of the model and of itself; a process that it arrives in loads the model once, at the
    first table, and keeps it (:func:`rapidembed.shared`).

    Example:
        >>> import pyarrow
        >>> from rapidembed import EmbedColumn, TextEmbedding
        >>> embed = EmbedColumn(TextEmbedding("builtin:static-en", lazy_load=True), "text")
        >>> embed(pyarrow.table({"text": ["hello"]})).schema.field("embedding").type
        FixedSizeListType(fixed_size_list<item: float>[256])

    Args:
        model: any facade; what it has loaded stays its own.
        column: of the texts or pictures; of a reranker, of the documents.
        output: the column to add, or to replace. None: "embedding", "score".
        options: arguments of ``embed_arrow``, or of ``score_arrow``.

    Raises:
        TypeError: ``model`` is no facade, or an option is none of its.
    """

    __module__ = "rapidembed"

    def __init__(self, model: AnyFacade, column: str, output: str | None = None, **options: Any) -> None:
        if not isinstance(model, Runner | Scorer):
            raise TypeError(f"model must be one of rapidembed's facades, got {type(model).__name__}.")
        self._method, named = ("score_arrow", "score") if isinstance(model, Scorer) else ("embed_arrow", "embedding")
        inspect.signature(getattr(model, self._method)).bind(None, column, **options)
        self._model: AnyFacade = model._lazily()
        self._column = column
        self._output = output or named
        self._options = options

    @property
    def model(self) -> AnyFacade:
        """The model of this process, which every call uses."""
        return shared(self._model)

    @property
    def field(self) -> Any:
        """The ``pyarrow.Field`` of the output, without loading the model."""
        dtype = {name: value for name, value in self._options.items() if name == "dtype"}
        return pyarrow().field(self._output, self._model.arrow_type(**dtype))

    def schema(self, schema: Any) -> Any:
        """The ``pyarrow.Schema`` of what becomes of a table of this one."""
        place = schema.get_field_index(self._output)
        return schema.append(self.field) if place < 0 else schema.set(place, self.field)

    def facts(self) -> dict[str, Any]:
        """What decides the output, in JSON's types: the model's name and fingerprint, and the options."""
        options = {name: value for name, value in self._options.items() if name not in _HOW}
        if options.get("ranges") is not None:
            options["ranges"] = options["ranges"].as_array().tolist()
        info = self.model.info
        return {"model": info.model_name, "fingerprint": self.model.fingerprint, "column": self._column, **options}

    def __call__(self, table: Any) -> Any:
        """The table, or record batch, with the column."""
        vectors = getattr(self.model, self._method)(table, self._column, **self._options)
        place = table.schema.get_field_index(self._output)
        if place < 0:
            return table.append_column(self.field, vectors)
        return table.set_column(place, self.field, vectors)
