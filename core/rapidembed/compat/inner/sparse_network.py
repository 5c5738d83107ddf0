"""Sparse vectors of networks with fastembed's values."""

from dataclasses import replace

from rapidembed.registry import SPARSE
from rapidembed.tasks.call import Call
from rapidembed.tasks.sparse.model import NeuralSparseModel

TASK = replace(
    SPARSE, rows=("sparse",), others={head: read for head, read in SPARSE.others.items() if head != "hybrid"}
)


class FastembedSparse(NeuralSparseModel):
    """A model that cuts texts without a word about it."""

    task = TASK

    def call(self, role: str) -> Call:
        """See :meth:`NeuralSparseModel.call`."""
        return replace(NeuralSparseModel.call(self, role), quiet=True)
