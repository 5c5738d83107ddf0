"""The options of :class:`rapidembed.ImageEmbedding`."""

from dataclasses import dataclass

from rapidembed.runtime.pictures.reading import MAX_PIXELS, Alpha, Reading
from rapidembed.tasks.options import ModelOptions, check_flag


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImageOptions(ModelOptions):
    """Arguments of :class:`rapidembed.ImageEmbedding`, documented there."""

    normalize: bool | None
    rotate: bool
    alpha: Alpha
    max_pixels: int | None
    draft: bool

    def __post_init__(self) -> None:
        ModelOptions.__post_init__(self)
        if self.normalize not in (True, False, None):
            raise ValueError(f"normalize must be True, False or None, got {self.normalize!r}.")
        for name in ("rotate", "draft"):
            check_flag(name, getattr(self, name))
        _ = self.reading  # which checks the rest

    @property
    def reading(self) -> Reading:
        """How pictures are read."""
        most = MAX_PIXELS if self.max_pixels is None else self.max_pixels
        return Reading(rotate=self.rotate, alpha=self.alpha, max_pixels=most, draft=self.draft)
