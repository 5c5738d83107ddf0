"""The options of :class:`rapidembed.TextEmbedding`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, cast, get_args

from rapidembed.names import POOLING_MODES, LongText
from rapidembed.registry import Pooling
from rapidembed.runtime.inputs import check_positive
from rapidembed.tasks.options import TokenOptions, check_prompts

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class TextOptions(TokenOptions):
    """Arguments of :class:`rapidembed.TextEmbedding`, documented there."""

    dimensions: int | None
    normalize: bool | None
    prompts: Mapping[str, str] | None
    pooling: str | Sequence[str] | None
    adapter: "str | Path | None"
    long_text: LongText

    def __post_init__(self) -> None:
        TokenOptions.__post_init__(self)
        if self.normalize not in (True, False, None):
            raise ValueError(f"normalize must be True, False or None, got {self.normalize!r}.")
        if not isinstance(self.adapter, str | PathLike | None):
            raise ValueError(f"adapter must be a path or None, got {self.adapter!r}.")
        if self.long_text not in get_args(LongText):
            raise ValueError(f"long_text must be one of {', '.join(get_args(LongText))}, got {self.long_text!r}.")
        if self.dimensions is not None:
            check_positive("dimensions", self.dimensions)
        check_prompts(self.prompts)
        if not isinstance(self.pooling, str | list | tuple | None) or self.pooling in ("", [], ()):
            raise ValueError(f"pooling must be a mode or a list of modes, got {self.pooling!r}.")
        for mode in self.pooling_modes or ():
            if mode not in POOLING_MODES:
                raise ValueError(f"pooling must be of {', '.join(POOLING_MODES)}, got {self.pooling!r}.")

    @property
    def pooling_modes(self) -> Pooling | None:
        """``pooling`` as a tuple of modes."""
        if self.pooling is None:
            return None
        modes = (self.pooling,) if isinstance(self.pooling, str) else tuple(self.pooling)
        return cast("Pooling", modes)
