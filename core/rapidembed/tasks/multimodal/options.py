"""The options of :class:`rapidembed.LateInteractionMultimodalEmbedding`."""

from dataclasses import dataclass

from rapidembed.runtime.pictures.reading import MAX_PIXELS, Alpha, Reading
from rapidembed.tasks.options import TokenOptions, check_flag


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MultimodalOptions(TokenOptions):
    """Arguments of :class:`rapidembed.LateInteractionMultimodalEmbedding`, documented there."""

    rotate: bool
    alpha: Alpha
    max_pixels: int | None

    def __post_init__(self) -> None:
        TokenOptions.__post_init__(self)
        check_flag("rotate", self.rotate)
        _ = self.reading  # which checks the rest

    @property
    def reading(self) -> Reading:
        """How pictures are read."""
        most = MAX_PIXELS if self.max_pixels is None else self.max_pixels
        return Reading(rotate=self.rotate, alpha=self.alpha, max_pixels=most)
