"""What facades return that give more than vectors."""

from dataclasses import dataclass

from rapidembed.types import SparseEmbedding, Vectors


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a longer text: ``text == whole[start:end]``."""

    __module__ = "rapidembed"

    text: str
    start: int
    """Where it begins in the whole text, in characters."""
    end: int
    """Where it ends."""
    tokens: int
    """Of the text itself, without special ones and prompts."""


@dataclass(frozen=True, slots=True)
class RankedDocument:
    """A document's place in a ranking."""

    __module__ = "rapidembed"

    index: int
    """Where it stood among the documents given."""
    score: float
    """Higher is more relevant."""
    document: str | None = None
    """Its text, where it was asked for."""


@dataclass(frozen=True, slots=True, eq=False)
class HybridEmbedding:
    """The three kinds of vectors that one pass of a model makes of a text."""

    __module__ = "rapidembed"

    dense: Vectors
    """float32 (dimensions,), of length 1."""
    sparse: SparseEmbedding
    """Weights of the text's tokens."""
    token_vectors: Vectors
    """float32 (tokens, dimensions), each of length 1, for late interaction."""
