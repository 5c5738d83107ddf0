"""EfficientNet-Lite: EfficientNet (Tan and Le 2019, https://arxiv.org/abs/1905.11946) for small processors.

Google's variant has ReLU6 for an activation and no squeeze-and-excitation. The layout of files is our own: convolutions
have their batch norm folded in, see ``scripts/builtin_image``. The vector is the mean of the last channels.
"""

from dataclasses import dataclass
from typing import Any

from rapidembed.errors import IntegrityError
from rapidembed.graph.architecture import Architecture
from rapidembed.graph.blocks import basic
from rapidembed.graph.blocks.patches import PictureInputs, Pictures
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry.config_file import ConfigFile

_COLOURS, _STEM_KERNEL, _STEM_STRIDE = 3, 3, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Some blocks of equal width."""

    repeats: int
    kernel: int
    """A side of the window of the convolution channel by channel."""
    stride: int
    """Of the first block; that of the others is 1."""
    expand: int
    """How many times as many channels there are inside."""
    width: int
    """Channels between blocks."""


def encode(writer: GraphWriter, config: ConfigFile, inputs: PictureInputs, *, first_only: bool) -> tuple[str, int]:
    """Write the encoder: pictures' vectors, (batch, width), and width."""
    sides = inputs.size
    width, head = config.positive("stem_width"), config.positive("head_width")
    x, sides = _convolved(
        writer, "stem", inputs.pixels, sides, (_COLOURS, width), kernel=_STEM_KERNEL, stride=_STEM_STRIDE, active=True
    )
    number = 0
    for stage in _stages(config):
        for repeat in range(stage.repeats):
            stride = stage.stride if repeat == 0 else 1
            x, sides = _block(writer, f"blocks.{number}", x, sides, width, stage, stride)
            width, number = stage.width, number + 1
    x, _ = _convolved(writer, "head", x, sides, (width, head), active=True)
    return writer.node("Flatten", writer.node("GlobalAveragePool", x), axis=1), head


def _block(
    writer: GraphWriter, name: str, x: str, sides: tuple[int, int], width: int, stage: Stage, stride: int
) -> tuple[str, tuple[int, int]]:
    """An inverted residual block: widen, convolve channel by channel, narrow."""
    before, inner = x, width * stage.expand
    if stage.expand != 1:
        x, sides = _convolved(writer, f"{name}.expand", x, sides, (width, inner), active=True)
    x, sides = _convolved(
        writer,
        f"{name}.depthwise",
        x,
        sides,
        (inner, inner),
        kernel=stage.kernel,
        stride=stride,
        each=True,
        active=True,
    )
    x, sides = _convolved(writer, f"{name}.project", x, sides, (inner, stage.width))
    return (writer.node("Add", x, before) if stride == 1 and width == stage.width else x), sides


def _convolved(
    writer: GraphWriter,
    name: str,
    x: str,
    sides: tuple[int, int],
    channels: tuple[int, int],
    *,
    kernel: int = 1,
    stride: int = 1,
    each: bool = False,
    active: bool = False,
) -> tuple[str, tuple[int, int]]:
    """A convolution that is padded as TensorFlow's "SAME", more at the end than at the beginning; and its sides.

    Args:
        name: of its tensors.
        x: (batch, channels, height, width).
        sides: height and width of ``x``.
        channels: of ``x``, and of what comes out.
        kernel: a side of the window.
        stride: steps of the window.
        each: whether channels are convolved each for itself.
        active: whether ReLU6 follows.
    """
    inside, outside = channels
    behind = tuple(-(-side // stride) for side in sides)
    missing = [max((out - 1) * stride + kernel - side, 0) for side, out in zip(sides, behind, strict=True)]
    weight = writer.weight(f"{name}.weight", (outside, 1 if each else inside, kernel, kernel))
    y = writer.node(
        "Conv",
        x,
        weight,
        writer.weight(f"{name}.bias", (outside,)),
        group=inside if each else 1,
        strides=[stride, stride],
        pads=[*(n // 2 for n in missing), *(n - n // 2 for n in missing)],
    )
    if active:
        y = writer.node("Clip", y, basic.scalar(writer, 0.0), basic.scalar(writer, 6.0))
    return y, (behind[0], behind[1])


def _stages(config: ConfigFile) -> list[Stage]:
    values: Any = config.values.get("stages")
    try:
        stages = [Stage(**stage) for stage in values]
    except TypeError as error:
        raise IntegrityError(f"{config.path}: expected a list of stages, got {values!r}.") from error
    for stage in stages:
        if not all(isinstance(n, int) and n > 0 for n in (stage.repeats, stage.kernel, stage.stride, stage.expand)):
            raise IntegrityError(f"{config.path}: expected positive integers in stages, got {stage}.")
    return stages


ARCHITECTURE = Architecture(
    classes={"picture": frozenset({"EfficientNetLite"})},
    anchor="stem.weight",
    modality=Pictures(),
    encode=encode,
    own_vector=True,
)
