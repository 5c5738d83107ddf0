"""What a session needs to run a checkpoint: a graph, its weights, and what is left to do with its output."""

import hashlib
import json
import mmap
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rapidembed.errors import IntegrityError
from rapidembed.graph.built import BuiltGraph
from rapidembed.graph.cache import cached
from rapidembed.graph.weights import Weights
from rapidembed.hub import Checkpoint
from rapidembed.registry.config_file import ConfigFile
from rapidembed.types import PoolingMode

# Raise it with every change that makes the builders write a different graph.
_BUILDER_VERSION = 2


@dataclass(frozen=True, slots=True)
class Program:
    """A runnable graph, and the values that it does not hold itself.

    Attributes:
        model: serialized graph, or the path of an ONNX file.
        weight_bytes: size of the weights.
        folder: where the files lie that a serialized graph points into.
        converted: tensors that the session is given, by name.
        tables: tensors that every run is given as inputs, by name.
        masked: whether batches may be padded; where False every row of a batch has the same length.
        pooling: what is left to do outside the graph; ("none",) where the output is what the head gives.
        output: index or name of the output to read.
        row_by_row: the graph's result for a row depends on its neighbours, so rows run alone.
    """

    model: bytes | Path
    weight_bytes: int
    masked: bool
    pooling: tuple[PoolingMode, ...]
    folder: Path | None = None
    converted: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    tables: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    output: int | str = 0
    row_by_row: bool = False


def buildable_architectures() -> frozenset[str]:
    """``model_type`` values whose graph is built from safetensors."""
    return frozenset({"bert"})


def load_program(checkpoint: Checkpoint, *, masked: bool) -> Program:
    """The program of a checkpoint: its ONNX file, or a graph built for it, now or by an earlier start.

    Raises:
        UnsupportedModelError: the architecture or one of its values is unknown.
        IntegrityError: a file is damaged or contradicts another.
    """
    path = checkpoint.root / checkpoint.weights
    if checkpoint.is_onnx:
        return Program(
            model=path,
            weight_bytes=path.stat().st_size,
            masked=True,
            pooling=checkpoint.spec.pooling,
            output=checkpoint.spec.output,
            row_by_row=_mentions(path, b"DynamicQuantizeLinear"),
        )
    spec = checkpoint.spec
    files = {"": path} | {f"{Path(file).parent}/": checkpoint.root / file for file in spec.module_weights}
    weights = Weights(files)
    config = ConfigFile.read(checkpoint.root / "config.json")

    def build() -> BuiltGraph:
        # onnx costs a twentieth of a second to import: only a first start pays it.
        from rapidembed.graph.build import build

        return build(config, weights, spec, masked=masked)

    key = (
        _BUILDER_VERSION,
        config.values,
        weights.layout,
        spec.head,
        spec.dim,
        spec.hides_tokens,
        spec.pooling,
        [repr(layer) for layer in spec.dense],
        masked,
    )
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]
    graph = cached(digest, build)
    return Program(
        model=graph.model,
        weight_bytes=sum(file.stat().st_size for file in files.values()),
        masked=masked,
        pooling=("none",),
        folder=weights.folder,
        converted={name: weights.float32(name) for name in graph.converted},
        tables={name: weights.float32(name) for name in graph.tables},
    )


def _mentions(path: Path, operator: bytes) -> bool:
    """Whether an ONNX file uses an operator; its name stands in the file as it is, so nothing is parsed."""
    if path.stat().st_size == 0:
        raise IntegrityError(f"{path} is empty. Delete it and fetch the model again.")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return data.find(operator) >= 0
