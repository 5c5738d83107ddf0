"""How the output of a network becomes the sparse vector of a text: one file for each way."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rapidembed.runtime.tokenizer import TokenIds
from rapidembed.types import SparseEmbedding


class Weigher(Protocol):
    """Makes sparse vectors, indices ascending. Safe to use from several threads."""

    @property
    def requires_idf(self) -> bool:
        """Whether an index has to multiply the weights by the terms' idf."""

    @property
    def vocab_size(self) -> int:
        """See :attr:`rapidembed.SparseTextEmbedding.vocab_size`."""

    @property
    def looks_up(self) -> bool:
        """Whether queries do without the network."""

    def document(self, text: TokenIds, output: NDArray[np.float32]) -> SparseEmbedding:
        """The vector of a document from its tokens and the network's output."""

    def query(self, text: TokenIds, output: NDArray[np.float32]) -> SparseEmbedding:
        """The same for a query."""

    def look_up(self, text: TokenIds) -> SparseEmbedding:
        """The vector of a query from its tokens alone, where :attr:`looks_up`."""

    def facts(self) -> dict[str, Any]:
        """Everything beside files and prompts that decides the weights, in JSON's types."""
