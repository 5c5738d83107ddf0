"""What models compute from their token vectors: a row for each head, and the shape of its output."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from rapidembed.names import HeadName

Dim = TypeVar("Dim", int, str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A head."""

    name: HeadName
    per_token: bool = False
    """Whether the output has a row for each token."""
    beyond_dim: int | None = 0
    """How much wider than the spec's ``dim`` its last axis is; None: there is no such axis."""
    read_as: HeadName | None = None
    """The head whose classes of transformers a checkpoint is of; None: it is one of its own."""
    dense: bool = False
    """Whether it gives vectors of ``dim`` numbers, of inputs or of their tokens."""
    pairs: bool = False
    """Whether it reads two texts at once."""
    pictures: bool = False
    """Whether it reads pictures; else texts."""
    first_only: bool = False
    """Whether it reads the first token only, however it is pooled."""

    @property
    def classes_of(self) -> HeadName:
        """The head under which architectures list the classes that may have its weights."""
        return self.read_as or self.name


HEADS: Mapping[HeadName, Head] = {
    head.name: head
    for head in (
        Head(name="pool", dense=True),
        Head(name="tokens", dense=True, per_token=True),
        Head(name="classification", pairs=True, first_only=True),
        Head(name="mlm"),
        Head(name="attention", per_token=True, beyond_dim=None),
        Head(name="words", per_token=True, read_as="pool"),
        Head(name="hybrid", dense=True, per_token=True, beyond_dim=1, read_as="pool"),
        Head(name="picture", dense=True, pictures=True),
        Head(name="page", dense=True, per_token=True),
        Head(name="features", pictures=True),
    )
}


class Output(Protocol):
    """What decides the shape of an output, of a :class:`rapidembed.registry.ModelSpec` or of a part of one."""

    @property
    def head(self) -> HeadName:
        """What is computed."""

    @property
    def dim(self) -> int:
        """Its width."""


def output_shape(spec: Output, batch: Dim, tokens: Dim) -> list[Dim | int]:
    """The shape of the output for a batch, whose dimensions may be numbers or names."""
    head = HEADS[spec.head]
    shape: list[Dim | int] = [batch]
    if head.per_token:
        shape.append(tokens)
    if head.beyond_dim is not None:
        shape.append(spec.dim + head.beyond_dim)
    return shape
