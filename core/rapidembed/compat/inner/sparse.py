"""Sparse vectors with fastembed's values; BM25 loads nothing that networks need."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

import rapidembed
from rapidembed.compat.sparse.sparse_embedding_base import SparseEmbedding
from rapidembed.lexical.bm25 import VectorKind
from rapidembed.tasks.facade import View
from rapidembed.tasks.sparse.lexical import Bm25Model

if TYPE_CHECKING:
    from rapidembed.hub import Checkpoint
    from rapidembed.registry import ModelSpec, Task


class FastembedBm25(Bm25Model):
    """BM25 with weights in double precision, and queries whose weights are whole numbers."""

    kind = VectorKind(SparseEmbedding, np.float64, np.int64)


class _Task:
    """fastembed's sparse models: without what gives all kinds of vectors at once."""

    def __get__(self, instance: object, owner: type | None = None) -> "Task":
        from rapidembed.registry import SPARSE

        others = dict(SPARSE.others)
        del others["hybrid"]
        return replace(SPARSE, rows=("sparse",), others=others)


def _as_fastembed(checkpoint: "Checkpoint") -> "ModelSpec":
    from rapidembed.compat.values import as_fastembed

    return as_fastembed(checkpoint)


class InnerSparse(rapidembed.SparseTextEmbedding):
    """The facade."""

    _task = _Task()
    _view = View(spec=_as_fastembed, exported=True, quiet=True)
    _lexical = FastembedBm25
