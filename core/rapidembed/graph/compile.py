"""Writing compiled folders, see :mod:`rapidembed.graph.compiled`: what takes time is made for the model itself."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rapidembed.graph.compiled import Compiled, write_compiled, write_encoder
from rapidembed.graph.encoder_tensors import EncoderTensors, encoder_extent, find_encoder, head_graph, load_encoder
from rapidembed.graph.program import RoundingPlan, graph_of, stored_or_built, weights_of
from rapidembed.hub import Checkpoint

Pack = Callable[[EncoderTensors], tuple[str, NDArray[np.uint8]]]
"""Lays an encoder's weights out: what they are laid out as, and the bytes."""


def compile_program(
    copy: Checkpoint, record: Compiled, *, source: Checkpoint, rounding: RoundingPlan | None = None, plain: bool = False
) -> None:
    """Write what a checkpoint's program is built of into the folder of its copy.

    Args:
        copy: in a folder of its own.
        record: what the folder shall say of itself; the layout and the bits are filled in.
        source: the checkpoint.
        rounding: see :func:`rapidembed.graph.load_program`.
        plain: see :func:`rapidembed.graph.load_program`.

    Raises:
        OSError: the folder cannot be written.
    """
    made: dict[str, NDArray[Any]] = {}
    if rounding is not None:
        made = stored_or_built(source, weights_of(source), rounding=rounding, plain=plain)[1]
    weights = weights_of(copy)
    # The graph points into files, whose names are the copy's.
    graph, _ = graph_of(copy, weights, rounded=rounding is not None, plain=plain, extent="first")
    write_compiled(copy.root, _filled(record, weights.layout, rounding), graph, made)


def compile_encoder(
    copy: Checkpoint, record: Compiled, *, source: Checkpoint, rounding: RoundingPlan | None, pack: Pack, head: bool
) -> None:
    """:func:`compile_program` for what computes without a graph; ``head`` says whether one follows the encoder."""
    tensors = load_encoder(source, rounding)
    packed, content = pack(tensors)
    layout, prefix, weights = find_encoder(copy)
    graph, _ = graph_of(copy, weights, rounded=rounding is not None, extent=encoder_extent(copy))
    own = replace(tensors, weights=weights)
    write_encoder(copy.root, (layout, prefix), content, head_graph(copy, own) if head else None)
    told = replace(_filled(record, weights.layout, rounding), packed=packed)
    write_compiled(copy.root, told, graph, dict(tensors.made))


def _filled(record: Compiled, layout: str, rounding: RoundingPlan | None) -> Compiled:
    if rounding is None:
        return replace(record, layout=layout, bits=None, integers=None)
    return replace(record, layout=layout, bits=rounding.bits)
