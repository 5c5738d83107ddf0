"""What a session needs to run a checkpoint: a graph, its weights, and what is left to do with its output."""

import hashlib
import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rapidembed.errors import UnsupportedModelError
from rapidembed.graph.built import BuiltGraph, Extent, GraphSpec, Numbers
from rapidembed.graph.cache import cached, cached_tensors
from rapidembed.graph.compiled import read_compiled, read_record
from rapidembed.graph.weights import Weights
from rapidembed.hub import Checkpoint
from rapidembed.names import PoolingMode
from rapidembed.registry import DenseLayer, Layer

# Raise it with every change that makes the builders write a different graph.
_BUILDER_VERSION = 15

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Program:
    """A runnable graph, and the values that it does not hold itself.

    Attributes:
        model: serialized graph, or the path of an ONNX file.
        weight_bytes: size of the weights.
        folder: where the files lie that a serialized graph points into.
        given: tensors that the session is given, by name.
        tables: tensors that every run is given as inputs, by name.
        masked: whether batches may be padded; where False every row of a batch has the same length.
        pooling: what is left to do outside the graph; ("none",) where the output is what the head gives.
        output: index or name of the output to read.
        fixed_rows: how many rows every run must have, where that is fixed.
        row_by_row: the graph's result for a row depends on its neighbours, so rows run alone.
        dense: Dense modules to apply outside the graph.
        tensors: what is applied outside the graph, by name.
    """

    model: bytes | Path
    weight_bytes: int
    masked: bool
    pooling: tuple[PoolingMode, ...]
    folder: Path | None = None
    given: dict[str, NDArray[Any]] = field(default_factory=dict)
    tables: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    output: int | str = 0
    row_by_row: bool = False
    fixed_rows: int | None = None
    dense: tuple[Layer, ...] = ()
    tensors: dict[str, NDArray[np.float32]] = field(default_factory=dict)


Observe = Callable[[Program], Iterable[tuple[str, NDArray[np.float32]]]]
"""Runs a program on some texts, and gives each of its outputs but the first, summed over the texts, by name."""


@dataclass(frozen=True, slots=True)
class RoundingPlan:
    """How weights are made into integers, see :func:`rapidembed.graph.numbers.rounding.round_weights`."""

    bits: int
    observe: Observe


def load_program(
    checkpoint: Checkpoint, *, masked: bool, rounding: RoundingPlan | None = None, plain: bool = False
) -> Program:
    """The program of a checkpoint: its ONNX file, or a graph built for it, now or by an earlier start.

    Args:
        checkpoint: what to run.
        masked: build the form for accelerators.
        rounding: compute in 8-bit integers.
        plain: standard operators only, and every tensor of the checkpoint is one of ``tables``, for runtimes other than
            ONNX Runtime.

    Raises:
        UnsupportedModelError: the architecture or one of its values is unknown, or an ONNX file would be rounded.
        IntegrityError: a file is damaged or contradicts another.
    """
    if checkpoint.is_onnx:
        if rounding is not None:
            raise UnsupportedModelError(
                f"{checkpoint.spec.name} runs its own ONNX file, whose precision is fixed; leave precision out."
            )
        return _from_onnx(checkpoint)
    weights = weights_of(checkpoint)
    graph, made = stored_or_built(checkpoint, weights, masked=masked, rounding=rounding, plain=plain)
    program = from_graph(graph, weights, size_of(checkpoint), masked=masked)
    if rounding is None:
        return program
    return replace(program, given=program.given | made, weight_bytes=sum(tensor.nbytes for tensor in made.values()))


def stored_or_built(
    checkpoint: Checkpoint,
    weights: Weights,
    *,
    rounding: RoundingPlan | None,
    masked: bool = False,
    plain: bool = False,
) -> tuple[BuiltGraph, dict[str, NDArray[Any]]]:
    """What :func:`build_once` gives, or what a compiled folder holds where that is of the kind that is wanted."""
    compiled, bits = read_record(checkpoint.root), None if rounding is None else rounding.bits
    if compiled and not masked and not compiled.packed and compiled.fits(bits, plain=plain):
        return read_compiled(checkpoint.root, compiled, weights.layout)
    return build_once(checkpoint, weights, masked=masked, rounding=rounding, plain=plain)


def build_once(
    checkpoint: Checkpoint,
    weights: Weights,
    *,
    rounding: RoundingPlan | None,
    masked: bool = False,
    plain: bool = False,
    extent: Extent = "first",
) -> tuple[BuiltGraph, dict[str, NDArray[Any]]]:
    """The graph of a checkpoint, and the tensors that are made for it, by this start or an earlier one."""
    graph, digest = graph_of(
        checkpoint, weights, rounded=rounding is not None, masked=masked, plain=plain, extent=extent
    )
    if rounding is None:
        return graph, {}

    def make() -> dict[str, NDArray[Any]]:
        from rapidembed.graph.build import build

        spec = GraphSpec.of(checkpoint.spec)
        observed = build(
            checkpoint.config, weights, spec, masked=masked, numbers="observed", plain=plain, extent=extent
        )
        return _round(graph, observed, weights, rounding)

    # The graph depends on the weights' layout only, the integers on their values too.
    names = {name for entry in graph.rounded for name in entry.names}
    return graph, cached_tensors(_digest((digest, checkpoint.stamp(), rounding.bits)), names, make)


def graph_of(
    checkpoint: Checkpoint,
    weights: Weights,
    *,
    rounded: bool,
    extent: Extent,
    masked: bool = False,
    plain: bool = False,
) -> tuple[BuiltGraph, str]:
    """The graph of a checkpoint, by this start or an earlier one, and the key that it is kept under."""
    spec, config = GraphSpec.of(checkpoint.spec), checkpoint.config

    def build() -> BuiltGraph:
        # onnx costs a twentieth of a second to import: only a first start pays it.
        from rapidembed.graph.build import build

        numbers: Numbers = "rounded" if rounded else "exact"
        return build(config, weights, spec, masked=masked, numbers=numbers, plain=plain, extent=extent)

    parts = () if extent == "first" else (extent,)
    digest = builders_key(repr(spec), config.values, weights.layout, masked, rounded, plain, *parts)
    return cached(digest, build), digest


def builders_key(*facts: Any) -> str:
    """A key that is the same for the same facts and builders."""
    return _digest((_BUILDER_VERSION, *facts))


def from_graph(graph: BuiltGraph, weights: Weights, size: int, *, masked: bool = False) -> Program:
    """The program of a graph over weights of ``size`` bytes."""
    return Program(
        model=graph.model,
        weight_bytes=size,
        masked=masked,
        pooling=("none",),
        folder=weights.folder,
        given={name: weights.float32(name) for name in graph.converted},
        tables={name: weights.float32(name) for name in graph.tables},
    )


def _round(
    graph: BuiltGraph, observed: BuiltGraph, weights: Weights, rounding: RoundingPlan
) -> dict[str, NDArray[Any]]:
    """The integers of a graph, its activations having been observed."""
    from rapidembed.graph.numbers.rounding import round_weights  # a start that finds them in the cache needs none of it

    logger.info("Rounding the weights in %s, once.", weights.folder)
    names = {output: name for name, (output, _) in observed.observed.items()}
    outputs = rounding.observe(from_graph(observed, weights, 0))
    return round_weights(
        weights, graph.rounded, ((names[output], gram) for output, gram in outputs), bits=rounding.bits
    )


def _digest(key: object) -> str:
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]


def _from_onnx(checkpoint: Checkpoint) -> Program:
    from rapidembed.graph.export import Export  # where a graph is built nobody reads one
    from rapidembed.hub.onnx_file import check_external, read_onnx

    path = checkpoint.root / checkpoint.weights[0]
    check_external(path, checkpoint.root)
    # A projection among the encoder's own weights is in the export too.
    dense = tuple(layer for layer in checkpoint.spec.dense if layer.path or not isinstance(layer, DenseLayer))
    tensors = Weights(_named(checkpoint)) if any(layer.weights for layer in dense) or checkpoint.spec.hybrid else None
    export = Export.read(path, checkpoint.spec)
    return Program(
        model=path,
        weight_bytes=size_of(checkpoint),
        masked=export.masked,
        pooling=("none",) if checkpoint.spec.hybrid else checkpoint.spec.pooling,
        output=export.output,
        row_by_row="DynamicQuantizeLinear" in read_onnx(path).operators,
        fixed_rows=export.rows,
        dense=dense,
        tensors={name: tensors.float32(name) for name in tensors.names} if tensors else {},
    )


def weights_of(checkpoint: Checkpoint) -> Weights:
    """A checkpoint's tensors; reads no values."""
    if checkpoint.adapter is None:
        return Weights(_named(checkpoint))
    from rapidembed.graph.lora import MergedWeights  # few models have an adapter

    return MergedWeights(_named(checkpoint), checkpoint.adapter)


def _named(checkpoint: Checkpoint) -> list[tuple[str, Path]]:
    """Files of the encoder, and of what follows it, whose tensors get a name in front."""
    spec = checkpoint.spec
    modules = [(layer.prefix, layer.weights) for layer in spec.dense if layer.weights]
    modules += spec.hybrid.files if spec.hybrid else ()
    encoder = [] if checkpoint.is_onnx else [checkpoint.root / file for file in checkpoint.weights]
    return [
        *(("", path) for path in encoder),
        *((prefix, checkpoint.root / file) for prefix, file in modules),
    ]


def size_of(checkpoint: Checkpoint) -> int:
    """Bytes of a checkpoint's weights."""
    return sum(path.stat().st_size for path in checkpoint.weight_files)
