"""Sparse vectors with fastembed's values."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

import rapidembed
from rapidembed.compat.sparse.sparse_embedding_base import SparseEmbedding
from rapidembed.lexical.bm25 import VectorKind
from rapidembed.lexical.models import find_lexical
from rapidembed.tasks.call import Call
from rapidembed.tasks.sparse.facade import SparseModel
from rapidembed.tasks.sparse.lexical import Bm25Model

if TYPE_CHECKING:
    from rapidembed.registry import Task


class FastembedBm25(Bm25Model):
    """BM25 with weights in double precision, and queries whose weights are whole numbers."""

    kind = VectorKind(SparseEmbedding, np.float64, np.int64)

    def call(self, role: str) -> Call:
        """See :meth:`Bm25Model.call`."""
        return replace(super().call(role), quiet=True)


class _Task:
    """fastembed's sparse models: without what gives all kinds of vectors at once."""

    def __get__(self, instance: object, owner: type | None = None) -> "Task":
        from rapidembed.compat.inner.sparse_network import TASK  # BM25 does without

        return TASK


class InnerSparse(rapidembed.SparseTextEmbedding):
    """The facade."""

    _task = _Task()

    def _load(self) -> SparseModel:
        if lexical := find_lexical(self._options.model_name):
            return FastembedBm25(lexical, self._options)
        from rapidembed.compat.inner.sparse_network import FastembedSparse
        from rapidembed.compat.values import VIEW

        return FastembedSparse.load(self, self._options, self._placement, VIEW)
