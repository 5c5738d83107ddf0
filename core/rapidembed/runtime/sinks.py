"""Where a window's results are kept until all of it is computed."""

from collections.abc import Callable, Sequence, Sized
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from rapidembed.runtime.ready import Ready, X, X_contra
from rapidembed.types import Vectors

R = TypeVar("R")
W = TypeVar("W", bound=Sized)


class Sink(Protocol[X_contra, W]):
    """Makes windows and fills them from the model's output, in several threads at once, each at rows of its own."""

    def window(self, count: int) -> W:
        """Room for the results of ``count`` inputs."""

    def fill(self, window: W, rows: list[int], inputs: Sequence[X_contra], output: NDArray[np.float32]) -> None:
        """Keep a batch's results.

        Args:
            window: from :meth:`window`.
            rows: the places of the batch's inputs in the window.
            inputs: what the model was given, such as their tokens.
            output: what the model made of them, one row each.
        """


@dataclass(frozen=True, slots=True)
class VectorSink:
    """One vector of ``dim`` values for each input; of a model that gives one for every token, the first one's."""

    dim: int

    def window(self, count: int) -> Vectors:
        """An array (count, dim)."""
        return np.empty((count, self.dim), dtype=np.float32)

    def fill(self, window: Vectors, rows: list[int], inputs: Sequence[Ready], output: NDArray[np.float32]) -> None:
        """Copy the output's rows."""
        window[rows] = output if output.ndim == 2 else output[:, 0, : self.dim]


@dataclass(frozen=True, slots=True)
class ListSink(Generic[X, R]):
    """Results of any size: ``read`` makes one from an input, such as a text's tokens, and its row of the output."""

    read: Callable[[X, NDArray[np.float32]], R]

    def window(self, count: int) -> list[R]:
        """A list of ``count`` places."""
        places: list[Any] = [None] * count
        return places

    def fill(self, window: list[R], rows: list[int], inputs: Sequence[X], output: NDArray[np.float32]) -> None:
        """Read each input's result."""
        for row, item, values in zip(rows, inputs, output, strict=True):
            window[row] = self.read(item, values)
