"""An encoder without a graph, for what computes it by itself; and the graph of what follows it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from rapidembed.errors import UnsupportedModelError
from rapidembed.graph.built import BuiltGraph, Extent, GraphSpec, Rounded
from rapidembed.graph.compiled import LAYOUT, read_compiled, read_head, read_record
from rapidembed.graph.kept_layout import cached_layout, read_layout
from rapidembed.graph.layout import Layout
from rapidembed.graph.program import (
    Program,
    RoundingPlan,
    build_once,
    builders_key,
    from_graph,
    graph_of,
    size_of,
    weights_of,
)
from rapidembed.graph.weights import Weights
from rapidembed.hub import Checkpoint


@dataclass(frozen=True, slots=True)
class EncoderTensors:
    """An encoder without a graph."""

    layout: Layout
    prefix: str
    """Before the names in the layout."""
    weights: Weights
    rounded: Mapping[tuple[str, int], Rounded]
    """By tensor and first row; empty in float32."""
    made: Mapping[str, NDArray[Any]]
    """Integers, and what belongs to them, by the names that ``rounded`` tells."""
    key: str
    """The same for the same values."""
    root: Path
    """The checkpoint's folder, which may be a compiled one."""


def find_encoder(checkpoint: Checkpoint) -> tuple[Layout, str, Weights]:
    """A checkpoint's encoder as data, what stands before its tensors' names, and the tensors; reads no values.

    Raises:
        UnsupportedModelError: the architecture or one of its values is unknown, or no layout can tell it.
        IntegrityError: a file is damaged.
    """
    if checkpoint.is_onnx:
        raise UnsupportedModelError(f"{checkpoint.spec.name} runs its own ONNX file, whose numbers are fixed.")
    weights = weights_of(checkpoint)
    config, head = checkpoint.config, checkpoint.spec.head

    def find() -> tuple[Layout, str]:
        from rapidembed.graph.build import find_layout  # imports onnx

        return find_layout(config, weights, head)

    if (shipped := read_layout(checkpoint.root / LAYOUT)) is not None:
        return *shipped, weights
    key = builders_key("layout", head, config.values, weights.layout)
    return *cached_layout(key, find, checkpoint.root), weights


def load_encoder(checkpoint: Checkpoint, rounding: RoundingPlan | None) -> EncoderTensors:
    """What a checkpoint's encoder is made of, for what computes it without a graph; rounded once for both.

    Raises:
        UnsupportedModelError: the architecture or one of its values is unknown, or no layout can tell it.
        IntegrityError: a file is damaged or contradicts another.
    """
    layout, prefix, weights = find_encoder(checkpoint)
    graph, made = _integers(checkpoint, weights, rounding)
    rounded = {(each.source, each.start): each for each in graph.rounded}
    spec = repr(GraphSpec.of(checkpoint.spec))
    bits = None if rounding is None else rounding.bits
    key = builders_key(spec, checkpoint.config.values, weights.layout, checkpoint.stamp(), bits)
    return EncoderTensors(layout, prefix, weights, rounded, made, key, checkpoint.root)


def load_head(checkpoint: Checkpoint, encoder: EncoderTensors) -> Program:
    """The program of what follows the encoder: from :data:`rapidembed.graph.layout.HIDDEN` to the head's output."""
    graph = read_head(checkpoint.root) or head_graph(checkpoint, encoder)
    program = from_graph(graph, encoder.weights, size_of(checkpoint))
    made = {name: encoder.made[name] for entry in graph.rounded for name in entry.names}
    return replace(program, given=program.given | made)


def head_graph(checkpoint: Checkpoint, encoder: EncoderTensors) -> BuiltGraph:
    """The graph of what follows the encoder."""
    return graph_of(checkpoint, encoder.weights, rounded=bool(encoder.rounded), extent="head")[0]


def encoder_extent(checkpoint: Checkpoint) -> Extent:
    """Of a graph that computes all tokens: where it can be, the one that ONNX Runtime runs."""
    return "whole" if GraphSpec.of(checkpoint.spec).first_only else "first"


def _integers(
    checkpoint: Checkpoint, weights: Weights, rounding: RoundingPlan | None
) -> tuple[BuiltGraph, dict[str, NDArray[Any]]]:
    """A graph that computes all tokens, and its integers."""
    extent, compiled = encoder_extent(checkpoint), read_record(checkpoint.root)
    fits = compiled is not None and compiled.fits(None if rounding is None else rounding.bits, plain=False)
    if compiled and fits and (extent == "first" or compiled.packed):
        return read_compiled(checkpoint.root, compiled, weights.layout)
    return build_once(checkpoint, weights, rounding=rounding, extent=extent)
