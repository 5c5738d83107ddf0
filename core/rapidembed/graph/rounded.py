"""The names of what is made of a matrix whose weights are rounded."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rounded:
    """A matrix, or some of its rows, that a graph takes as integers."""

    source: str
    """The tensor's name in the checkpoint, (out, in)."""
    start: int
    stop: int
    """Which of its rows."""
    observation: str
    """Name of what was observed of the activation, see :class:`rapidembed.graph.linears.Observing`."""
    smoothed: bool
    """Whether the activation's channels are."""

    @property
    def matrix(self) -> str:
        """Name of the integers, int8 (in, rows)."""
        return f"{self._rows}.int8"

    @property
    def names(self) -> set[str]:
        """Names of all that it is given as."""
        return {self.matrix, self.scales} | ({divisors(self.observation)} if self.smoothed else set())

    @property
    def scales(self) -> str:
        """Name of what a column of integers is worth, float32 (rows,)."""
        return f"{self._rows}.scales"

    @property
    def _rows(self) -> str:
        # Layers that share a matrix may differ in what they multiply it by.
        return f"{self.source}[{self.start}:{self.stop}]{'.smoothed' if self.smoothed else ''}"


def divisors(observation: str) -> str:
    """Name of what the channels of an observed activation are multiplied by, float32 (in,)."""
    return f"{observation}.smoothing"
