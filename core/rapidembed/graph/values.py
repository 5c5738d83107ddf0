"""What is known of a graph's values while it is written."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trait:
    """What is known of a value before it is computed."""

    normalized: bool = False
    """Whether it comes from a layer normalization."""
    floor: float | None = None
    """It is nowhere below minus this."""
    rows: str | None = None
    """A value that has as many rows."""


@dataclass(frozen=True, slots=True)
class Part:
    """A weight as a builder names it: rows of a tensor of the checkpoint."""

    name: str
    """The same in every graph of the checkpoint."""
    source: str
    """The tensor's full name."""
    start: int
    stop: int
    width: int

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, width)."""
        return self.stop - self.start, self.width
