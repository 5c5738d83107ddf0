"""Folders that hold a model and what would be built of it, for images and machines that should build nothing."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from rapidembed.errors import IntegrityError
from rapidembed.graph.built import BuiltGraph
from rapidembed.graph.cache import map_tensors, read_graph, write_graph, write_tensors
from rapidembed.types import Precision

RECORD = "rapidembed.json"
ADAPTER = "rapidembed.adapter.safetensors"
"""File of a linear head over the vectors, where the folder has one."""
_GRAPH, _WEIGHTS = "rapidembed.graph", "rapidembed.weights"


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a compiled folder says of itself."""

    precision: Precision
    backend: str
    integers: str | None
    """Kind of instructions that rounded weights are for, see :func:`rapidembed.runtime.cpu.integer_kind`."""
    bits: int | None
    """Of these weights."""
    layout: str
    """Of the weights that the graph points into, see :class:`rapidembed.graph.weights.Weights`."""
    version: str
    """Of rapidembed."""


def read_record(root: Path) -> Compiled | None:
    """The record of a compiled folder; None for other folders.

    Raises:
        IntegrityError: it is damaged.
    """
    try:
        text = (root / RECORD).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        return Compiled(**json.loads(text))
    except (ValueError, TypeError) as error:
        raise IntegrityError(f"{root / RECORD} is damaged ({error}). Compile the model again.") from error


def write_compiled(root: Path, record: Compiled, graph: BuiltGraph, made: dict[str, NDArray[Any]]) -> None:
    """Put what was built beside a model's files; the record comes last."""
    write_graph(root / _GRAPH, graph)
    if made:
        write_tensors(root / _WEIGHTS, made)
    (root / RECORD).write_text(json.dumps(asdict(record), indent=1) + "\n", encoding="utf-8")


def read_compiled(root: Path, record: Compiled, layout: str) -> tuple[BuiltGraph, dict[str, NDArray[Any]]]:
    """What :func:`write_compiled` wrote.

    Raises:
        IntegrityError: it is damaged, or the weights beside it are others.
    """
    again = "Compile the model again."
    if record.layout != layout:
        raise IntegrityError(f"{root} was compiled from other weights than it holds. {again}")
    graph = read_graph(root / _GRAPH)
    if graph is None:
        raise IntegrityError(f"{root / _GRAPH} is missing or damaged. {again}")
    names = {name for entry in graph.rounded for name in entry.names}
    made = map_tensors(root / _WEIGHTS, names) if names else {}
    if made is None:
        raise IntegrityError(f"{root / _WEIGHTS} is missing or damaged. {again}")
    return graph, made
