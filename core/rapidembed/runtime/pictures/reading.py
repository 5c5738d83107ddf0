"""How pictures are read: what a caller may choose."""

from dataclasses import dataclass
from typing import Literal

Alpha = Literal["white", "drop"]
"""What is done with transparency: "white" lays the picture on white, as transformers 5 does and as people see it;
"drop" takes the colours that are stored under it, often black, as fastembed does."""

MAX_PIXELS = 89_478_485
"""A quarter of a gigabyte of colours, from which on Pillow warns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The choices, each of which changes pixels."""

    rotate: bool = True
    """Whether a picture is turned as its camera says (EXIF orientation)."""
    alpha: Alpha = "white"
    max_pixels: int = MAX_PIXELS
    """Larger pictures are refused before they are decoded."""
    draft: bool = False
    """Whether JPEG may be decoded at a half, a quarter or an eighth of its size, where that is still twice what the
    model needs: less to compute, and pixels that differ a little."""

    def __post_init__(self) -> None:
        if self.alpha not in ("white", "drop"):
            raise ValueError(f'alpha must be "white" or "drop", got {self.alpha!r}.')
        if isinstance(self.max_pixels, bool) or not isinstance(self.max_pixels, int) or self.max_pixels < 1:
            raise ValueError(f"max_pixels must be a positive integer, got {self.max_pixels!r}.")
