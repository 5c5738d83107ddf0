"""From pixels to tokens: a vector for each square of a picture, and where it lies."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rapidembed.errors import UnsupportedModelError
from rapidembed.graph.blocks import basic
from rapidembed.graph.built import GraphSpec
from rapidembed.graph.inputs import GraphInputs
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry.config_file import ConfigFile
from rapidembed.registry.encoder_config import vision_part

_CHANNELS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureInputs(GraphInputs):
    """Names of the values that an encoder of pictures reads."""

    pixels: str
    """float32 (batch, 3, height, width)."""
    size: tuple[int, int]
    """(height, width)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """The :class:`rapidembed.graph.inputs.Modality` of pictures, as large as their processor makes them."""

    side: int = 224
    """Of pictures, where neither the processor nor the config says it."""

    def declare(self, writer: GraphWriter, config: ConfigFile, spec: GraphSpec, *, masked: bool) -> PictureInputs:
        """See :meth:`rapidembed.graph.inputs.Modality.declare`."""
        size = spec.picture_size
        if size is None:
            part = vision_part(config)
            side = read_side(part, "image_size") if "image_size" in part.values else self.side
            size = side, side
        return PictureInputs(pixels=writer.input("pixel_values", ["batch", _CHANNELS, *size], "float32"), size=size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """How a picture is cut."""

    height: int
    width: int
    """Of the picture, in pixels."""
    patch: int
    """A patch's side, in pixels."""

    def __post_init__(self) -> None:
        if self.height < self.patch or self.width < self.patch:
            raise UnsupportedModelError(f"Pictures of {self.height} x {self.width} hold no patch of {self.patch}.")

    @property
    def rows(self) -> int:
        """Patches from top to bottom; pixels that fill no patch are left out."""
        return self.height // self.patch

    @property
    def columns(self) -> int:
        """Patches from left to right."""
        return self.width // self.patch

    @property
    def count(self) -> int:
        """Patches of a picture."""
        return self.rows * self.columns


def read_grid(config: ConfigFile, size: tuple[int, int], *, any_size: bool = False) -> Grid:
    """The grid for pictures of ``size``, (height, width).

    Raises:
        UnsupportedModelError: the model has positions for another size only, or does not read three colours.
    """
    config.require(num_channels=_CHANNELS)
    own = read_side(config, "image_size")
    if size != (own, own) and not any_size:
        raise UnsupportedModelError(
            f"{config.path}: the model reads pictures of {own} x {own}, its processor makes {size[0]} x {size[1]}."
        )
    return Grid(height=size[0], width=size[1], patch=read_side(config, "patch_size"))


def read_side(config: ConfigFile, name: str) -> int:
    """The side of a square, which the config may give twice."""
    value = config.values.get(name)
    if isinstance(value, list) and len(value) == 2 and value[0] == value[1]:
        value = value[0]
    if isinstance(value, list):
        raise UnsupportedModelError(f"{config.path}: {name}={value!r} is not supported; known: squares.")
    return ConfigFile(config.path, {name: value}).positive(name)


def embed_patches(writer: GraphWriter, pixels: str, grid: Grid, name: str, hidden: int, *, bias: bool) -> str:
    """Project the pixels of each patch: (batch x patches, hidden).

    A convolution whose steps are as wide as its window is one product of matrices, and as fast as such.
    """
    patch = grid.patch
    x = pixels
    if (grid.rows * patch, grid.columns * patch) != (grid.height, grid.width):
        ends = writer.ints(grid.rows * patch, grid.columns * patch)
        x = writer.node("Slice", x, writer.ints(0, 0), ends, writer.ints(2, 3))
    x = writer.node("Reshape", x, writer.ints(-1, _CHANNELS, grid.rows, patch, grid.columns, patch))
    x = writer.node("Transpose", x, perm=[0, 2, 4, 1, 3, 5])
    width = _CHANNELS * patch * patch
    x = writer.node("Reshape", x, writer.ints(-1, width))
    kernel = writer.weight(f"{name}.weight", (hidden, _CHANNELS, patch, patch))
    matrix = writer.node("Reshape", kernel, writer.ints(hidden, width))
    shift = writer.weight(f"{name}.bias", (hidden,)) if bias else None
    # Exactly in any case: it is a fortieth of the work, and all that follows is made of it.
    return basic.linear(writer, x, matrix, shift, exact=True)


def resample_positions(
    writer: GraphWriter, table: str, hidden: int, side: int, grid: Grid, *, antialias: bool = False
) -> str:
    """Positions of a square grid, (side x side, hidden), for another one, by PyTorch's bicubic interpolation."""
    if (grid.rows, grid.columns) == (side, side):
        return table
    resampled = _antialiased if antialias else _interpolated
    down, across = (writer.constant(resampled(side, count)) for count in (grid.rows, grid.columns))
    x = writer.node("Reshape", table, writer.ints(side, side * hidden))
    x = writer.node("Reshape", writer.node("MatMul", down, x), writer.ints(-1, side, hidden))
    return writer.node("Reshape", writer.node("MatMul", across, x), writer.ints(-1, hidden))


def prepend(writer: GraphWriter, x: str, *tokens: str, count: int, hidden: int) -> str:
    """Put tokens that are the same in every picture before its patches.

    Args:
        x: (batch x count, hidden).
        tokens: names of values that hold one or more vectors each, of any shape.
        count: patches of a picture.
        hidden: width of a vector.

    Returns:
        (batch, tokens + count, hidden).
    """
    x = writer.node("Reshape", x, writer.ints(-1, count, hidden))
    batch = writer.node("Concat", writer.node("Shape", x, end=1), writer.ints(1, 1), axis=0)
    first = [
        writer.node("Expand", writer.node("Reshape", token, writer.ints(1, -1, hidden)), batch) for token in tokens
    ]
    return writer.node("Concat", *first, x, axis=1)


def _interpolated(before: int, after: int) -> NDArray[np.float32]:
    """What each of ``after`` points takes of ``before`` ones, (after, before); beyond the ends the last one counts."""
    places = (np.arange(after) + 0.5) * before / after - 0.5
    matrix = np.zeros((after, before))
    for step in range(-1, 3):
        points = np.floor(places).astype(int) + step
        taken = np.clip(points, 0, before - 1)
        np.add.at(matrix, (np.arange(after), taken), _cubic(places - points, -0.75))
    return matrix.astype(np.float32)


def _antialiased(before: int, after: int) -> NDArray[np.float32]:
    """As :func:`_interpolated`, but a point takes of all that it stands for, and nothing of what is beyond the ends."""
    step = max(before / after, 1.0)
    places = (np.arange(after)[:, None] + 0.5) * before / after
    weights = _cubic((np.arange(before) + 0.5 - places) / step, -0.5)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)


def _cubic(distance: NDArray[np.float64], sharpness: float) -> NDArray[np.float64]:
    """Keys' cubic convolution kernel (1981)."""
    x = np.abs(distance)
    near = ((sharpness + 2) * x - (sharpness + 3)) * x**2 + 1
    far = (((x - 5) * x + 8) * x - 4) * sharpness
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))
