"""Pictures made by arithmetic, and processors, that ``pictures.safetensors`` holds transformers' pixels of."""

from pathlib import Path
from typing import Any

import numpy as np

FILE = Path(__file__).parent / "pictures.safetensors"

SIZES = {"landscape": (37, 61), "portrait": (53, 23), "square": (48, 48), "small": (9, 11), "dot": (1, 1)}
"""(height, width)."""
PROCESSORS: dict[str, tuple[str, dict[str, Any]]] = {
    "clip": ("CLIPImageProcessor", {"size": {"shortest_edge": 16}, "crop_size": {"height": 16, "width": 16}}),
    "clip of numbers": ("CLIPImageProcessor", {"size": 16, "crop_size": 16}),
    "clip padded": ("CLIPImageProcessor", {"size": {"shortest_edge": 9}, "crop_size": {"height": 14, "width": 12}}),
    "clip unresized": ("CLIPImageProcessor", {"do_resize": False, "crop_size": {"height": 15, "width": 16}}),
    "siglip": ("SiglipImageProcessor", {"size": {"height": 12, "width": 16}}),
    "siglip lanczos": ("SiglipImageProcessor", {"size": {"height": 14, "width": 14}, "resample": 1}),
    "vit": ("ViTImageProcessor", {"size": {"height": 16, "width": 16}}),
    "vit of numbers": (
        "ViTImageProcessor",
        {"size": 14, "image_mean": [0.485, 0.456, 0.406], "image_std": [0.2, 0.3, 0.4]},
    ),
    "vit unnormalized": ("ViTImageProcessor", {"size": {"height": 8, "width": 8}, "do_normalize": False}),
    "vit unscaled": (
        "ViTImageProcessor",
        {"size": {"height": 8, "width": 8}, "do_normalize": False, "do_rescale": False},
    ),
    "dinov2": ("BitImageProcessor", {"size": {"shortest_edge": 18}, "crop_size": {"height": 14, "width": 14}}),
    "resnet": ("ConvNextImageProcessor", {"size": {"shortest_edge": 14}, "crop_pct": 0.875}),
    "convnext": ("ConvNextImageProcessor", {"size": {"shortest_edge": 384}, "resample": 0}),
}
TILED = {
    "split": {"size": {"longest_edge": 24}, "max_image_size": {"longest_edge": 8}},
    "whole": {"size": {"longest_edge": 24}, "max_image_size": {"longest_edge": 8}, "do_image_splitting": False},
    "unresized": {"do_resize": False, "max_image_size": {"longest_edge": 16}, "resample": 2},
}
"""Values of Idefics3's processor."""
MODES = ("1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr", "HSV", "transparent P", "transparent RGB", "transparent L")


def array(height: int, width: int, channels: int = 3) -> np.ndarray:
    """Smooth and sharp parts, all values; (height, width, channels) of uint8."""
    y, x, c = np.mgrid[0:height, 0:width, 0:channels]
    waves = 127 * np.sin(x / 5 + c) * np.cos(y / 7 - c) + 128
    edges = ((x // 6 + y // 4 + c) % 3 == 0) * 90
    return ((waves + edges + x * y * (c + 1)) % 256).astype(np.uint8)


def picture(name: str) -> Any:
    """A PIL image, of a name in SIZES or a mode of MODES."""
    from PIL import Image

    if name in SIZES:
        return Image.fromarray(array(*SIZES[name]))
    mode = name.removeprefix("transparent ")
    rgb = Image.fromarray(array(24, 20))
    if mode in ("LA", "RGBA"):
        image = Image.merge("RGBA", (*rgb.split(), Image.fromarray(array(24, 20, 1)[..., 0]))).convert(mode)
    elif mode == "P":
        image = rgb.quantize(16)
    else:
        image = rgb.convert(mode)
    if name.startswith("transparent"):
        image.info["transparency"] = {"P": 3, "L": 128, "RGB": rgb.getpixel((3, 4))}[mode]
    return image
