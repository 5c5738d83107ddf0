"""Dense vectors with fastembed's values."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import rapidembed
from rapidembed.compat.values import VIEW
from rapidembed.registry import TEXT
from rapidembed.tasks.bulk import Bulk, Texts, check_texts
from rapidembed.tasks.call import Call
from rapidembed.tasks.text.model import TextModel
from rapidembed.types import Vectors


class FastembedText(TextModel):
    """A model that cuts texts without a word about it."""

    # fastembed does not know what gives all kinds of vectors at once; a program may add a model of that name.
    task = replace(TEXT, rows=("dense",), others={})

    def call(self, role: str) -> Call:
        """See :meth:`TextModel.call`."""
        return replace(TextModel.call(self, role), quiet=True)


class InnerText(rapidembed.TextEmbedding):
    """The facade."""

    _task = FastembedText.task
    _view = VIEW
    _kind = FastembedText

    def with_task(self, texts: Texts, bulk: Bulk, task: int) -> Iterator[Vectors]:
        """The vectors for one of the numbered tasks of a model that has several."""
        lone, model = check_texts(texts), self._loaded()
        call = model.call("document")
        call = replace(call, extra={**call.extra, "task_id": int(task)})
        many: Any = texts if lone is None else [lone]
        for window in model.rows(call, many, bulk):
            yield from self._each(window)
