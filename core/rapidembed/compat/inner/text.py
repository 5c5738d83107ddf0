"""Dense vectors with fastembed's values."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import rapidembed
from rapidembed.compat.values import VIEW
from rapidembed.registry import TEXT
from rapidembed.tasks.bulk import Bulk, Texts, check_texts
from rapidembed.types import Vectors


class InnerText(rapidembed.TextEmbedding):
    """The facade."""

    # fastembed does not know what gives all kinds of vectors at once; a program may add a model of that name.
    _task = replace(TEXT, rows=("dense",), others={})
    _view = VIEW

    def with_task(self, texts: Texts, bulk: Bulk, task: int) -> Iterator[Vectors]:
        """The vectors for one of the numbered tasks of a model that has several."""
        lone, model = check_texts(texts), self._loaded()
        call = model.call("document")
        call = replace(call, extra={**call.extra, "task_id": int(task)})
        many: Any = texts if lone is None else [lone]
        for window in model.rows(call, many, bulk):
            yield from self._each(window)
