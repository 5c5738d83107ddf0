"""Rotary position embeddings (Su et al. 2021, https://arxiv.org/abs/2104.09864), in plain ONNX operators."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rapidembed.errors import UnsupportedModelError
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry.config_file import ConfigFile


@dataclass(frozen=True, slots=True)
class Rotary:
    """Cosines and sines of one forward pass, which all layers of the same frequencies share."""

    cos: str
    """float32 (tokens, 1, width)."""
    sin: str
    """The same of sines, those of the first half negated."""
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
        writer: takes the nodes.
        ids: token ids.
        turns: radians from one position to the next, see :func:`read_turns`.
    """
    count = writer.node("Shape", ids, start=1, end=2)
    zero, one = (writer.constant(np.array(number, dtype=np.int64)) for number in (0, 1))
    positions = writer.node("Range", zero, writer.node("Squeeze", count), one)
    column = writer.node("Unsqueeze", writer.node("Cast", positions, to=1), writer.ints(1, 2))  # 1: FLOAT
    angles = writer.node("Mul", column, writer.constant(turns))
    cos, sin = writer.node("Cos", angles), writer.node("Sin", angles)
    return Rotary(
        cos=writer.node("Concat", cos, cos, axis=2),
        sin=writer.node("Concat", writer.node("Neg", sin), sin, axis=2),
        width=2 * len(turns),
    )


def rotate(writer: GraphWriter, x: str, rotary: Rotary, heads: int) -> str:
    """Turn every head of ``x``, (batch, tokens, heads x width); value i of a head is paired with i + width / 2."""
    x = writer.node("Reshape", x, writer.ints(0, 0, heads, rotary.width))
    first, second = writer.nodes("Split", x, outputs=2, axis=3, num_outputs=2)
    turned = writer.node("Mul", writer.node("Concat", second, first, axis=3), rotary.sin)
    x = writer.node("Add", writer.node("Mul", x, rotary.cos), turned)
    return writer.node("Reshape", x, writer.ints(0, 0, heads * rotary.width))
