"""The inputs of a graph."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Names of values; those that a graph does without are None."""

    ids: str
    """Token ids, int64 (batch, tokens)."""
    mask: str | None = None
    """int32 (batch, tokens), 1 for tokens that the others see; None where every token is seen."""
    types: str | None = None
    """Which text of a pair a token belongs to, int64 (batch, tokens); None where all are of type 0."""
    hides_tokens: bool = False
    """Whether some tokens that others do not see get vectors all the same."""
    task: str | None = None
    """Which adapter to use, an int64 number; None where the model has none."""
    penalty: str | None = None
    """float32 (batch, tokens, 1, 1), added to the scores of attention: 0 for tokens that the others see, far below for
    the others. Stands in for a mask where few texts need one, see :func:`rapidembed.graph.blocks.penalized`."""
