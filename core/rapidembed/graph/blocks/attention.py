"""Attention with rotary positions, over all tokens, a window of them, or the first token's view only."""

from dataclasses import dataclass

from rapidembed.graph.blocks import basic
from rapidembed.graph.blocks.local import Window, local_attention
from rapidembed.graph.blocks.rotary import Rotary, rotate
from rapidembed.graph.blocks.self_attention import penalized, self_attention
from rapidembed.graph.inputs import TextInputs
from rapidembed.graph.writer import GraphWriter


@dataclass(frozen=True, slots=True)
class Projections:
    """Queries, keys and values, each (batch, tokens, heads x width)."""

    q: str
    k: str
    v: str
    heads: int
    width: int
    """Of a head."""
    key_heads: int | None = None
    """Heads of keys and values, if they are fewer: each serves several heads of queries."""


def attend(
    writer: GraphWriter,
    parts: Projections,
    inputs: TextInputs,
    *,
    rotary: Rotary | None = None,
    bias: str | None = None,
    window: Window | None = None,
    causal: bool = False,
    first_only: bool = False,
    scale: float | None = None,
) -> str:
    """Multi-head attention between the tokens of each text: (rows, heads x width).

    Args:
        parts: projections, not yet rotated.
        rotary: angles of the positions; None: heads are not turned.
        bias: float32 (1, heads, tokens, tokens), added to the scores, of attention without a window.
        window: how far tokens see; None: as far as the text goes.
        causal: whether tokens see only themselves and those before them.
        first_only: compute only what the first token of each text sees, so that rows are texts, not tokens.
        scale: factor of the scores; None: one over the square root of a head's width.
    """
    heads, width = parts.heads, parts.width
    key_heads = parts.key_heads or heads
    q, k, v, mask = parts.q, parts.k, parts.v, inputs.mask
    if first_only:
        q, bias = _first(writer, q, 1), bias and writer.node("Slice", bias, *(writer.ints(n) for n in (0, 1, 2)))
    if rotary is not None:
        k = rotate(writer, k, rotary, key_heads)
        q = q if first_only else rotate(writer, q, rotary, heads)  # position 0 turns by no angle
    if key_heads != heads:
        k, v = (_repeat(writer, x, key_heads, heads // key_heads, width) for x in (k, v))
    if inputs.penalty is not None:
        q, k = penalized(writer, q, k, inputs.penalty, heads=heads, width=width)
        scale = scale or width**-0.5
    if first_only and (window or causal):
        seen = window.reach + 1 if window else 1
        k, v, mask = _first(writer, k, seen), _first(writer, v, seen), mask and _first(writer, mask, seen)
    if window is None or first_only:
        causal = causal and not first_only
        x = self_attention(writer, q, k, v, heads=heads, mask=mask, scale=scale, bias=bias, causal=causal)
    else:
        x = local_attention(writer, q, k, v, window, heads=heads, scale=scale)
    return basic.flatten(writer, x, heads * width)


def _repeat(writer: GraphWriter, x: str, heads: int, times: int, width: int) -> str:
    """Each head of ``x``, (batch, tokens, heads x width), that many times, one after another."""
    x = writer.node("Reshape", x, writer.ints(0, 0, heads, 1, width))
    x = writer.node("Expand", x, writer.ints(1, 1, 1, times, 1))
    return writer.node("Reshape", x, writer.ints(0, 0, heads * times * width))


def _first(writer: GraphWriter, x: str, count: int) -> str:
    """The first ``count`` tokens of each text."""
    return writer.node("Slice", x, writer.ints(0), writer.ints(count), writer.ints(1))
