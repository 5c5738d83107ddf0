"""Type aliases of fastembed's."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, Union

import numpy as np
from numpy.typing import NDArray

from rapidembed.types import Device

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Device", "ImageInput", "NumpyArray", "OnnxProvider", "PathInput"]

PathInput: TypeAlias = str | Path
ImageInput: TypeAlias = Union[str, Path, "Image"]  # "Image" | ... is no type when it is run
"""A file's path, or a picture of Pillow's, which need not be installed."""
OnnxProvider: TypeAlias = str | tuple[str, dict[Any, Any]]
NumpyArray: TypeAlias = (
    NDArray[np.float64]
    | NDArray[np.float32]
    | NDArray[np.float16]
    | NDArray[np.int8]
    | NDArray[np.int64]
    | NDArray[np.int32]
)
