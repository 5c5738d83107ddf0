"""Rotary position embeddings (Su et al. 2021, https://arxiv.org/abs/2104.09864)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rapidembed.errors import UnsupportedModelError
from rapidembed.graph.blocks import basic
from rapidembed.graph.writer import CONTRIB, GraphWriter
from rapidembed.registry.config_file import ConfigFile

_END = 2**31 - 1
"""Beyond the end of any axis."""


@dataclass(frozen=True, slots=True)
class Rotary:
    """Cosines and sines of one forward pass, which all layers of the same frequencies share."""

    cos: str
    """float32 (tokens, width / 2); in a plain graph (1, tokens, 1, width), each of them twice."""
    sin: str
    """The same of sines."""
    width: int
    """Of a head."""


def read_turns(
    config: ConfigFile, width: int, default: float, *, name: str = "rope_theta", kind: str | None = None
) -> NDArray[np.float32]:
    """Radians that each pair of a head's values turns by from one position to the next: float32 (width / 2,).

    Args:
        config: config.json, as transformers writes it now (``rope_parameters``) or did before version 5.
        width: of a head.
        default: theta where the config does not give it.
        name: the older field that gives theta.
        kind: which of several ``rope_parameters``.

    Raises:
        UnsupportedModelError: positions are scaled, or turn only a part of a head.
        IntegrityError: theta is no positive number.
    """
    config.require(partial_rotary_factor=1.0, rope_scaling=None)
    parameters = config.section("rope_parameters")
    parameters.require(rope_type="default", partial_rotary_factor=1.0)
    if kind is not None:
        parameters = parameters.section(kind)
        parameters.require(rope_type="default", partial_rotary_factor=1.0)
    theta = parameters.number("rope_theta", config.number(name, default))
    if width % 2:
        raise UnsupportedModelError(f"{config.path}: rotary embeddings need heads of an even width, got {width}.")
    return frequencies(theta, width)


def frequencies(theta: float, width: int) -> NDArray[np.float32]:
    """Radians per position, from 1 for the first pair towards 1 / theta: float32 (width / 2,)."""
    return (1.0 / theta ** (np.arange(0, width, 2) / width)).astype(np.float32)


def rotary(writer: GraphWriter, ids: str, turns: NDArray[np.float32]) -> Rotary:
    """Angles of the positions 0, 1, 2 ... of ``ids``, (batch, tokens).

    Args:
        ids: token ids.
        turns: radians from one position to the next, see :func:`read_turns`.
    """
    positions = basic.positions(writer, writer.node("Shape", ids, start=1, end=2))
    axes = (0, 2, 3) if writer.plain else (1,)
    column = writer.node("Unsqueeze", writer.node("Cast", positions, to=1), writer.ints(*axes))  # 1: FLOAT
    angles = writer.node("Mul", column, writer.constant(turns))
    cos, sin = writer.node("Cos", angles), writer.node("Sin", angles)
    if not writer.plain:
        return Rotary(cos=cos, sin=sin, width=2 * len(turns))
    cos, sin = (writer.node("Concat", half, half, axis=3) for half in (cos, sin))
    return Rotary(cos=cos, sin=sin, width=2 * len(turns))


def rotate(writer: GraphWriter, x: str, rotary: Rotary, heads: int) -> str:
    """Turn every head of ``x``, (batch, tokens, heads x width); value i of a head is paired with i + width / 2."""
    if not writer.plain:
        position = writer.ints(0)  # of the first token
        return writer.node("RotaryEmbedding", x, position, rotary.cos, rotary.sin, domain=CONTRIB, num_heads=heads)
    # OpenVINO takes nodes of just this form for a rotation, and does it in one pass.
    x = writer.node("Reshape", x, writer.ints(0, 0, heads, rotary.width))
    half, axis, step = writer.ints(rotary.width // 2), writer.ints(3), writer.ints(1)
    first = writer.node("Slice", x, writer.ints(0), half, axis, step)
    second = writer.node("Slice", x, half, writer.ints(_END), axis, step)
    turned = writer.node("Concat", writer.node("Neg", second), first, axis=-1)
    x = writer.node("Add", writer.node("Mul", x, rotary.cos), writer.node("Mul", turned, rotary.sin))
    return writer.node("Reshape", x, writer.ints(0, 0, heads * rotary.width))
