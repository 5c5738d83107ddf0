"""Attention with linear biases (Press et al. 2021, https://arxiv.org/abs/2108.12409), both ways."""

import math

import numpy as np
from numpy.typing import NDArray

from rapidembed.graph.blocks import basic
from rapidembed.graph.writer import GraphWriter


def slopes(heads: int) -> NDArray[np.float32]:
    """How much a step of distance takes from each head's scores: float32 (heads,).

    For powers of two a geometric sequence down to 1 / 256; other heads lie between those.
    """
    whole = 2 ** math.floor(math.log2(heads))
    between = 2.0 ** (-8 * (np.arange(heads - whole) * 2 + 1) / (2 * whole))
    return np.concatenate([2.0 ** (-8 * np.arange(1, whole + 1) / whole), between]).astype(np.float32)


def alibi(writer: GraphWriter, ids: str, heads: int) -> str:
    """What is added to the scores: float32 (1, heads, tokens, tokens)."""
    count = writer.node("Shape", ids, start=1, end=2)
    positions = writer.node("Cast", basic.positions(writer, count), to=1)  # 1: FLOAT
    distance = writer.node("Abs", writer.node("Sub", writer.node("Unsqueeze", positions, writer.ints(1)), positions))
    return writer.node("Mul", distance, writer.constant(-slopes(heads).reshape(1, heads, 1, 1)))
