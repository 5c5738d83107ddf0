"""A picture that is ready for the model."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ReadyPicture:
    """As large as the model reads it, and still of 8 bits: a quarter of what the model is given."""

    pixels: NDArray[np.uint8]
    """(height, width, 3); empty where it could not be read."""
    error: Exception | None = None
    """Why it could not be read: told when the results of those before it are there."""

    @property
    def length(self) -> int:
        """See :class:`rapidembed.runtime.ready.Ready`; the model's feeder knows better."""
        return 1
