"""How pages are cut into tiles for models that look at each closely (Idefics3, SmolVLM, ModernVBERT)."""

from dataclasses import dataclass
from pathlib import Path

from rapidembed.errors import UnsupportedModelError
from rapidembed.registry.config_file import ConfigFile
from rapidembed.registry.image_processor import (
    STANDARD,
    Channels,
    ImageProcessor,
    positive,
    processor_config,
    processor_kind,
    read_filter,
    read_normal,
    read_scale,
)

KIND = "Idefics3ImageProcessor"
_LANCZOS = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TiledProcessor:
    """The steps: enlarge or shrink, cut, add the whole in small, scale and normalize."""

    longest: int | None
    """The longer side of a picture before it is cut; None: its own."""
    side: int
    """Of a tile."""
    split: bool
    """Whether pictures are cut; else there is only the whole."""
    resample: int
    """Pillow's number of the filter."""
    scale: float
    mean: Channels
    deviation: Channels

    @property
    def of_a_tile(self) -> ImageProcessor:
        """What is done with each tile, and with the whole in small."""
        return ImageProcessor(
            resize=(self.side, self.side),
            resample=self.resample,
            crop=None,
            scale=self.scale,
            mean=self.mean,
            deviation=self.deviation,
        )


def read_tiled_processor(folder: Path) -> TiledProcessor:
    """The processor of the model in ``folder``.

    Raises:
        UnsupportedModelError: there is none, or it is of another kind; names the field and its value.
        IntegrityError: a value is of the wrong kind.
    """
    config = processor_config(folder)
    if (kind := processor_kind(config)) != KIND:
        raise UnsupportedModelError(f"{config.path}: image processor {kind!r} is not supported; known: {KIND}.")
    config.require(do_normalize=True)
    return TiledProcessor(
        longest=_longest(config, "size", 4 * 364) if config.flag("do_resize", True) else None,
        side=_longest(config, "max_image_size", 364),
        split=config.flag("do_image_splitting", True),
        resample=read_filter(config, "resample", _LANCZOS),
        scale=read_scale(config),
        **read_normal(config, ("image_mean", "image_std"), STANDARD, STANDARD),
    )


def _longest(config: ConfigFile, name: str, default: int) -> int:
    values = config.section(name).values
    if known := [key for key, value in values.items() if value is not None and key != "longest_edge"]:
        raise UnsupportedModelError(f"{config.path}: {name} with {known[0]!r} is not supported; known: longest_edge.")
    return positive(config, name, values.get("longest_edge", default))
