"""How the output of a network becomes the sparse vector of a text: one file for each way."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from rapidembed.runtime.tokenizer import TokenIds
from rapidembed.types import SparseEmbedding


class Weigher:
    """Makes sparse vectors, indices ascending. Safe to use from several threads."""

    requires_idf: ClassVar[bool] = False
    """Whether an index has to multiply the weights by the terms' idf."""
    vocab_size: int
    """See :attr:`rapidembed.SparseTextEmbedding.vocab_size`."""

    @property
    def looks_up(self) -> bool:
        """Whether queries do without the network."""
        return False

    def document(self, text: TokenIds, output: NDArray[np.float32]) -> SparseEmbedding:
        """The vector of a document from its tokens and the network's output."""
        raise NotImplementedError

    def query(self, text: TokenIds, output: NDArray[np.float32]) -> SparseEmbedding:
        """The same for a query."""
        return self.document(text, output)

    def look_up(self, text: TokenIds) -> SparseEmbedding:
        """The vector of a query from its tokens alone, where :attr:`looks_up`."""
        raise NotImplementedError

    def facts(self) -> dict[str, Any]:
        """Everything beside files and prompts that decides the weights, in JSON's types."""
        return {}
