"""Low-rank adapters (Hu et al. 2021, https://arxiv.org/abs/2106.09685), one for each task, chosen by every run.

Stored as PyTorch stores parametrizations: the matrix as "original", and two thin ones for each task whose product is
added to it.
"""

from dataclasses import dataclass

from rapidembed.graph.blocks import basic
from rapidembed.graph.writer import GraphWriter

_ORIGINAL, _A, _B = (f"parametrizations.weight.{name}" for name in ("original", "0.lora_A", "0.lora_B"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapters:
    """The adapters of a model."""

    task: str
    """The graph's input that chooses one: its number, int64."""
    count: int
    rank: int
    scale: float
    """Factor of what they add."""


def linear(
    writer: GraphWriter, adapters: Adapters, name: str, x: str, width_in: int, width_out: int, *, bias: bool
) -> str:
    """The Linear layer ``name`` on 2-D ``x``, with the chosen adapter."""
    weight = writer.weight(f"{name}.{_ORIGINAL}", (width_out, width_in))
    y = basic.linear(writer, x, weight, writer.weight(f"{name}.bias", (width_out,)) if bias else None)
    down = _chosen(writer, adapters, f"{name}.{_A}", (adapters.rank, width_in))
    up = _chosen(writer, adapters, f"{name}.{_B}", (width_out, adapters.rank))
    return writer.node("Gemm", writer.node("Gemm", x, down, transB=1), up, y, transB=1, alpha=adapters.scale)


def lookup(writer: GraphWriter, adapters: Adapters, name: str, ids: str, rows: int, width: int) -> str:
    """Rows of the embedding table ``name``, with the chosen adapter."""
    words = basic.lookup(writer, writer.table(f"{name}.{_ORIGINAL}", (rows, width)), ids)
    # As rows of one table, so that no task's part of it is copied.
    thin = writer.table(f"{name}.{_A}", (adapters.count, rows, adapters.rank))
    thin = writer.node("Reshape", thin, writer.ints(-1, adapters.rank))
    first = writer.node("Mul", adapters.task, writer.ints(rows))
    added = basic.lookup(writer, thin, writer.node("Add", ids, first))
    up = _chosen(writer, adapters, f"{name}.{_B}", (adapters.rank, width))
    scaled = writer.node("Mul", up, basic.scalar(writer, adapters.scale))
    return writer.node("Add", words, writer.node("MatMul", added, scaled))


def _chosen(writer: GraphWriter, adapters: Adapters, name: str, shape: tuple[int, int]) -> str:
    return writer.node("Gather", writer.weight(name, (adapters.count, *shape)), adapters.task, axis=0)
