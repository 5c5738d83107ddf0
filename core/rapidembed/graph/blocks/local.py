"""Attention within a window: every token sees those at most ``reach`` positions away.

Queries are cut into blocks, and each block gets the stretch of keys that its window can reach. So work and memory grow
with the length of a text, not with its square.
"""

from dataclasses import dataclass

from rapidembed.graph.blocks import basic
from rapidembed.graph.blocks.self_attention import self_attention
from rapidembed.graph.writer import GraphWriter

# exp(-10000) is 0, and half precision can hold it.
_UNSEEN = 1e4


@dataclass(frozen=True, slots=True)
class Window:
    """What all local layers of one forward pass share."""

    reach: int
    """How many positions a token sees to either side."""
    queries: str
    """int64 (blocks, block): positions of each block's queries. The last block reaches back into the one before."""
    keys: str
    """int64 (blocks, span): positions of the keys that each block is given."""
    order: str
    """int64 (tokens,): where each token's result lies among those of all blocks."""
    bias: str
    """float32 (batch x blocks, 1, block, span), added to scores: 0 for what a query sees, far below for the rest."""


def window(writer: GraphWriter, ids: str, reach: int, mask: str | None) -> Window:
    """Lay out the blocks.

    Args:
        ids: token ids, (batch, tokens).
        reach: how many positions a token sees to either side, at least 1.
        mask: int32 (batch, tokens), 1 for real tokens; None where no row of the batch is padded.
    """
    zero, one, far = (basic.number(writer, number) for number in (0, 1, reach))
    tokens = writer.node("Squeeze", writer.node("Shape", ids, start=1, end=2))
    block = writer.node("Min", tokens, basic.number(writer, 2 * reach))
    span = writer.node("Min", tokens, basic.number(writer, 4 * reach))
    last = writer.node("Div", writer.node("Sub", tokens, one), block)
    starts = writer.node("Mul", writer.node("Range", zero, writer.node("Add", last, one), one), block)
    starts = writer.node("Min", starts, writer.node("Sub", tokens, block))
    # Stretches of keys are moved to where they neither begin before the first token nor end behind the last one.
    reached = writer.node("Max", writer.node("Sub", starts, far), zero)
    reached = writer.node("Min", reached, writer.node("Sub", tokens, span))
    queries, keys = _stretches(writer, starts, block), _stretches(writer, reached, span)
    positions = writer.node("Range", zero, tokens, one)
    number = writer.node("Div", positions, block)
    moved = writer.node("Sub", writer.node("Mul", number, block), writer.node("Gather", starts, number))
    return Window(
        reach=reach,
        queries=queries,
        keys=keys,
        order=writer.node("Add", positions, moved),
        bias=_bias(writer, ids, queries, keys, far, mask),
    )


def local_attention(
    writer: GraphWriter, q: str, k: str, v: str, window: Window, *, heads: int, scale: float | None = None
) -> str:
    """Multi-head attention over 3-D projections of the same tokens, of which each sees those in its ``window``.

    See :mod:`rapidembed.graph.blocks.self_attention`.
    """
    places = ((q, window.queries), (k, window.keys), (v, window.keys))
    cut = self_attention(
        writer,
        *(_cut(writer, x, positions) for x, positions in places),
        heads=heads,
        mask=None,
        scale=scale,
        bias=window.bias,
    )
    shape = [writer.node("Shape", v, end=1), writer.ints(-1), writer.node("Shape", v, start=2)]
    joined = writer.node("Reshape", cut, writer.node("Concat", *shape, axis=0))
    return writer.node("Gather", joined, window.order, axis=1)


def _bias(writer: GraphWriter, ids: str, queries: str, keys: str, far: str, mask: str | None) -> str:
    columns, rows = writer.node("Unsqueeze", queries, writer.ints(2)), writer.node("Unsqueeze", keys, writer.ints(1))
    distance = writer.node("Abs", writer.node("Sub", columns, rows))
    seen = writer.node("Cast", writer.node("LessOrEqual", distance, far), to=1)  # 1: FLOAT
    if mask is None:
        batch = writer.node("Concat", writer.node("Shape", ids, end=1), writer.ints(1, 1, 1), axis=0)
        seen = writer.node("Expand", seen, batch)
    else:
        real = writer.node("Cast", writer.node("Gather", mask, keys, axis=1), to=1)
        seen = writer.node("Mul", seen, writer.node("Unsqueeze", real, writer.ints(2)))
    bias = writer.node("Mul", writer.node("Sub", seen, basic.scalar(writer, 1.0)), basic.scalar(writer, _UNSEEN))
    shape = writer.node("Concat", writer.ints(-1, 1), writer.node("Shape", bias, start=2), axis=0)
    return writer.node("Reshape", bias, shape)


def _stretches(writer: GraphWriter, starts: str, length: str) -> str:
    """Rows of ``length`` consecutive positions."""
    steps = writer.node("Range", basic.number(writer, 0), length, basic.number(writer, 1))
    return writer.node("Add", writer.node("Unsqueeze", starts, writer.ints(1)), steps)


def _cut(writer: GraphWriter, x: str, positions: str) -> str:
    """(batch, tokens, width) -> (batch x blocks, tokens of a block, width)."""
    x = writer.node("Gather", x, positions, axis=1)
    return writer.node("Reshape", x, writer.node("Concat", writer.ints(-1), writer.node("Shape", x, start=2), axis=0))
