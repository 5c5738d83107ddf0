"""Checks of pictures at the call, before any is opened."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from rapidembed.runtime.pictures.source import check_picture, is_picture


def check_pictures(images: Any) -> Any | None:
    """Check pictures, a list item by item; return the picture if it is a single one.

    Raises:
        TypeError: one is of no known kind, or there are neither one nor several.
        PictureError: one is a URL, or an array of another shape or type.
    """
    if is_picture(images):
        if isinstance(images, np.ndarray) and images.ndim > 3:
            raise TypeError(
                f"images must be one picture or an iterable of pictures; got an array of the shape {images.shape}: "
                "pass list(images)."
            )
        check_picture(images)
        return images
    if isinstance(images, Mapping | set | frozenset) or not isinstance(images, Iterable):
        raise TypeError(f"images must be a picture or an iterable of pictures, got {type(images).__name__}.")
    if isinstance(images, Sequence):
        for index, image in enumerate(images):
            check_picture(image, index)
    return None
