"""The options of :class:`rapidembed.TextCrossEncoder`."""

from dataclasses import dataclass

from rapidembed.tasks.options import TokenOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class RerankOptions(TokenOptions):
    """Arguments of :class:`rapidembed.TextCrossEncoder`, documented there."""

    label: str | int | None

    def __post_init__(self) -> None:
        TokenOptions.__post_init__(self)
        if isinstance(self.label, bool) or not isinstance(self.label, str | int | None):
            raise ValueError(f"label must be a label's name, its number or None, got {self.label!r}.")
