"""Every mode of Pillow to red, green and blue of 8 bits."""

from typing import Any

import numpy as np

from rapidembed.runtime.pictures.pillow import pillow
from rapidembed.runtime.pictures.reading import Alpha

_HIGHEST = 65_535


def to_rgb(image: Any, alpha: Alpha) -> Any:
    """A decoded PIL image as one of mode "RGB".

    16 bits of grey become their upper 8: Pillow would cut them off at 255, nearly all white. Fractions (mode "F") are
    values from 0 to 255.

    Raises:
        ValueError: Pillow knows no way from the image's mode.
    """
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode == "I" or image.mode.startswith("I;16"):
        grey = np.clip(np.asarray(image), 0, _HIGHEST).astype(np.uint16) >> 8
        return pillow().fromarray(grey.astype(np.uint8)).convert("RGB")
    if alpha == "white" and _has_alpha(image):
        image = image.convert("RGBA")
        white = pillow().new("RGBA", image.size, (255, 255, 255, 255))
        return pillow().alpha_composite(white, image).convert("RGB")
    if image.mode == "P" and _has_alpha(image):  # Pillow warns where it goes straight to RGB
        image = image.convert("RGBA")
    if image.mode in ("RGBa", "La"):  # colours are multiplied by alpha: undone on the way
        image = image.convert("RGBA" if image.mode == "RGBa" else "LA")
    return image.convert("RGB")


def _has_alpha(image: Any) -> bool:
    bands = image.getbands()
    return "A" in bands or "a" in bands or image.info.get("transparency") is not None
