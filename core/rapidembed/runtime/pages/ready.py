"""A page, or a text, that is ready for a model of both."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rapidembed.runtime.tokenizer import TokenIds
from rapidembed.types import Vectors


@dataclass(frozen=True, slots=True)
class ReadyPage(TokenIds):
    """Tokens, some of which stand for parts of pictures; of a text none do."""

    pictures: NDArray[np.uint8] | None = None
    """(pictures, height, width, 3): the tiles of a page, or the page itself; None: of texts."""
    features: Vectors | None = None
    """What was seen in them, float32 (tokens that stand for parts of pictures, hidden); None: nobody looked yet."""
    error: Exception | None = None
    """Why the page could not be read: told when the results of those before it are there."""
