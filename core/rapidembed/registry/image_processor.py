"""What is done with the pixels of a picture before a model sees them, as the checkpoint's files say.

The files are of three generations: ``preprocessor_config.json`` with sizes as numbers, the same with sizes as objects,
and ``processor_config.json`` with an ``image_processor`` in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rapidembed.errors import IntegrityError, UnsupportedModelError
from rapidembed.registry.config_file import ConfigFile, is_number
from rapidembed.registry.discovery import PREPROCESSOR_FILE, PROCESSOR_FILE

Channels = tuple[float, float, float]
"""A number for each of red, green and blue."""
Size = tuple[int, int]
"""(height, width)."""

STANDARD: Channels = (0.5, 0.5, 0.5)
_CLIP: Channels = (0.48145466, 0.4578275, 0.40821073)
_CLIP_DEVIATION: Channels = (0.26862954, 0.26130258, 0.27577711)
_WARPED_FROM = 384
"""ConvNeXT's processor does not crop pictures of this size and above."""
_FILTERS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}
"""Pillow's numbers of its filters."""
_FIXED = {"Pil": "", "Fast": "", "FeatureExtractor": "ImageProcessor"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageProcessor:
    """The steps, in order: resize, crop, scale, normalize. Pictures are RGB of 8 bits before, float32 behind."""

    __module__ = "rapidembed"

    resize: int | Size | None
    """A number: the shorter side becomes that long, the other in proportion, rounded down. Two: height and width."""
    resample: int
    """Pillow's number of the filter."""
    crop: Size | None
    """The middle of the picture that is taken, filled up with zeros where the picture is smaller."""
    scale: float
    """Factor of the pixels, before the mean is taken off."""
    mean: Channels
    deviation: Channels
    crop_to_even: bool = False
    """Whether half a pixel's crop is rounded to the even number; else down."""

    def __post_init__(self) -> None:
        if self.resample not in _FILTERS.values():
            raise ValueError(f"resample must be one of Pillow's filters, {_FILTERS}; got {self.resample!r}.")

    @property
    def size(self) -> Size | None:
        """(height, width) of what comes out; None: it depends on the picture."""
        if self.crop is not None:
            return self.crop
        return self.resize if isinstance(self.resize, tuple) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """What a class of transformers does where the file is silent."""

    size: Mapping[str, int]
    square: bool
    """Whether a size that is one number is height and width; else it is the shorter side."""
    resample: int
    mean: Channels = STANDARD
    deviation: Channels = STANDARD
    crop: int | None = None
    crop_fraction: bool = False
    """Whether the picture is resized to more than its size and cropped to it."""


_CLIP_KIND = _Kind(
    size={"shortest_edge": 224}, square=False, resample=3, mean=_CLIP, deviation=_CLIP_DEVIATION, crop=224
)
_KINDS = {
    "CLIPImageProcessor": _CLIP_KIND,
    "BitImageProcessor": _CLIP_KIND,
    "SiglipImageProcessor": _Kind(size={"height": 224, "width": 224}, square=False, resample=3),
    "ViTImageProcessor": _Kind(size={"height": 224, "width": 224}, square=True, resample=2),
    "ConvNextImageProcessor": _Kind(size={"shortest_edge": 384}, square=False, resample=3, crop_fraction=True),
}
_BY_MODEL = {
    "clip": "CLIPImageProcessor",
    "clip_vision_model": "CLIPImageProcessor",
    "siglip": "SiglipImageProcessor",
    "siglip_vision_model": "SiglipImageProcessor",
    "vit": "ViTImageProcessor",
    "dinov2": "BitImageProcessor",
    "dinov2_with_registers": "BitImageProcessor",
    "resnet": "ConvNextImageProcessor",
    "convnext": "ConvNextImageProcessor",
    "convnextv2": "ConvNextImageProcessor",
}
_JINA = "JinaCLIPImageProcessor"


def processor_config(folder: Path) -> ConfigFile:
    """What the files of ``folder`` say of the processor of pictures; the newest generation counts."""
    nested = ConfigFile.read_optional(folder / PROCESSOR_FILE).section("image_processor")
    return nested if nested.values else ConfigFile.read(folder / PREPROCESSOR_FILE)


def read_image_processor(folder: Path, model_type: str = "") -> ImageProcessor:
    """The processor of the model in ``folder``.

    Args:
        folder: that holds its files.
        model_type: config.json's, which decides where the files do not name a processor.

    Raises:
        UnsupportedModelError: there is none, or one that is not known here; names the field and its value.
        IntegrityError: a value is of the wrong kind.
    """
    config = processor_config(folder)
    config.require(do_pad=False, do_reduce_labels=False, do_flip_channel_order=False, do_image_splitting=False)
    name = processor_kind(config, model_type)
    if name == _JINA:
        return _read_jina(config)
    if name not in _KINDS:
        known = ", ".join([*_KINDS, _JINA])
        raise UnsupportedModelError(f"{config.path}: image processor {name!r} is not supported; known: {known}.")
    return _read(config, _KINDS[name])


def processor_kind(config: ConfigFile, model_type: str = "") -> str:
    """Name of the processor's class, without what tells its implementations apart."""
    name = config.text("image_processor_type", "") or config.text("feature_extractor_type", "")
    for ending, instead in _FIXED.items():
        if name.endswith(ending):
            name = name.removesuffix(ending) + instead
    return name or _BY_MODEL.get(model_type, f"that of model_type {model_type}")


def _read(config: ConfigFile, kind: _Kind) -> ImageProcessor:
    resize: int | Size | None = None
    crop = None
    if config.flag("do_resize", True):
        resize = _read_resize(config, config.values.get("size") or kind.size, kind.square)
        if kind.crop_fraction:
            resize, crop = _enlarged(config, resize)
    if crop is None and config.flag("do_center_crop", kind.crop is not None):
        crop = _read_size(config, "crop_size", config.values.get("crop_size") or kind.crop)
    return ImageProcessor(
        resize=resize,
        resample=read_filter(config, "resample", kind.resample),
        crop=crop,
        scale=read_scale(config),
        **read_normal(config, ("image_mean", "image_std"), kind.mean, kind.deviation),
    )


def _read_jina(config: ConfigFile) -> ImageProcessor:
    """jina-clip's own processor: the shorter side to the size, then the middle."""
    config.require(resize_mode="shortest", mode="RGB")
    size = config.positive("size")
    return ImageProcessor(
        resize=size,
        resample=read_filter(config, "interpolation", _FILTERS["bicubic"]),
        crop=(size, size),
        scale=1 / 255,
        crop_to_even=True,
        **read_normal(config, ("mean", "std"), _CLIP, _CLIP_DEVIATION),
    )


def read_normal(config: ConfigFile, names: tuple[str, str], mean: Channels, deviation: Channels) -> dict[str, Any]:
    """What a processor has of its last step, whose fields have these ``names``."""
    if not config.flag("do_normalize", True):
        return {"mean": (0.0, 0.0, 0.0), "deviation": (1.0, 1.0, 1.0)}
    return {
        "mean": _read_channels(config, names[0], mean),
        "deviation": _read_channels(config, names[1], deviation),
    }


def _enlarged(config: ConfigFile, size: int | Size) -> tuple[int | Size, Size | None]:
    """What ConvNeXT's processor resizes to, and crops."""
    if not isinstance(size, int):
        raise UnsupportedModelError(f"{config.path}: size={size!r} is not supported; known: a shortest_edge.")
    if size >= _WARPED_FROM:
        return (size, size), None
    return int(size / config.number("crop_pct", 224 / 256)), (size, size)


def _read_resize(config: ConfigFile, size: Any, square: bool) -> int | Size:
    if isinstance(size, dict) and set(_set(size)) == {"shortest_edge"}:
        return positive(config, "size", size["shortest_edge"])
    if isinstance(size, int) and not square:
        return positive(config, "size", size)
    return _read_size(config, "size", size)


def _read_size(config: ConfigFile, name: str, size: Any) -> Size:
    if isinstance(size, int):
        size = {"height": size, "width": size}
    elif isinstance(size, list) and len(size) == 2:
        size = {"height": size[0], "width": size[1]}
    if not isinstance(size, dict):
        raise IntegrityError(f"{config.path}: expected a number or an object for {name}, got {size!r}.")
    if set(_set(size)) != {"height", "width"}:
        raise UnsupportedModelError(
            f"{config.path}: {name}={size!r} is not supported; known: a number, height and width, a shortest_edge."
        )
    return positive(config, name, size["height"]), positive(config, name, size["width"])


def _set(size: Mapping[str, Any]) -> list[str]:
    """Names of what is given."""
    return [name for name, value in size.items() if value is not None]


def positive(config: ConfigFile, name: str, value: Any) -> int:
    """One of the sides in the field ``name``."""
    return ConfigFile(config.path, {name: value}).positive(name)


def read_filter(config: ConfigFile, name: str, default: int) -> int:
    """Pillow's number of the filter in the field ``name``, which may be a word."""
    value = config.values.get(name)
    if value is None:
        return default
    number = _FILTERS.get(value.lower()) if isinstance(value, str) else value
    if isinstance(number, bool) or not isinstance(number, int) or number not in _FILTERS.values():
        known = ", ".join(f"{number} ({word})" for word, number in _FILTERS.items())
        raise UnsupportedModelError(f"{config.path}: {name}={value!r} is not supported; known: {known}.")
    return number


def read_scale(config: ConfigFile) -> float:
    """Factor of the pixels."""
    return config.number("rescale_factor", 1 / 255) if config.flag("do_rescale", True) else 1.0


def _read_channels(config: ConfigFile, name: str, default: Channels) -> Channels:
    """Three numbers, or one for all."""
    value = config.values.get(name)
    if value is None:
        return default
    numbers = [value] * 3 if isinstance(value, int | float) else value
    if not isinstance(numbers, list) or len(numbers) != 3 or not all(is_number(number) for number in numbers):
        raise IntegrityError(f"{config.path}: expected three numbers for {name}, got {value!r}.")
    if name.endswith("std") and min(numbers) <= 0:
        raise IntegrityError(f"{config.path}: expected positive numbers for {name}, got {value!r}.")
    return float(numbers[0]), float(numbers[1]), float(numbers[2])
