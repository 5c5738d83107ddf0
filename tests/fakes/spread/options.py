"""The options of the facade."""

from dataclasses import dataclass

from rapidembed.tasks.options import TokenOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class SpreadOptions(TokenOptions):
    """Those of every model that reads tokens, and one more."""

    squared: bool

    def __post_init__(self) -> None:
        TokenOptions.__post_init__(self)
        if not isinstance(self.squared, bool):
            raise ValueError(f"squared must be True or False, got {self.squared!r}.")
