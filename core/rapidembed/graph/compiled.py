"""Folders that hold a model and what would be built of it, for images and machines that should build nothing."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rapidembed.errors import IntegrityError
from rapidembed.graph.built import BuiltGraph
from rapidembed.graph.cache import map_bytes, map_tensors, read_graph, write_bytes, write_graph, write_tensors
from rapidembed.graph.kept_layout import Found, write_layout
from rapidembed.types import Precision

RECORD = "rapidembed.json"
ADAPTER = "rapidembed.adapter.safetensors"
"""File of a linear head over the vectors, where the folder has one."""
LAYOUT = "rapidembed.layout"
"""File of an encoder's layout, where the folder is for what computes without a graph."""
_GRAPH, _WEIGHTS, _PACKED, _HEAD = (f"rapidembed.{part}" for part in ("graph", "weights", "packed", "head"))
_AGAIN = "Compile the model again."


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
    packed: str | None = None
    """What weights are laid out as, where they are for what computes without a graph."""

    def fits(self, bits: int | None, *, plain: bool) -> bool:
        """Whether its graph is of the kind that is wanted."""
        return self.bits == bits and (self.backend != "onnxruntime" and self.packed is None) == plain


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
        raise IntegrityError(f"{root / RECORD} is damaged ({error}). {_AGAIN}") from error


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
    if record.layout != layout:
        raise IntegrityError(f"{root} was compiled from other weights than it holds. {_AGAIN}")
    graph = read_graph(root / _GRAPH)
    if graph is None:
        raise IntegrityError(f"{root / _GRAPH} is missing or damaged. {_AGAIN}")
    names = {name for entry in graph.rounded for name in entry.names}
    made = map_tensors(root / _WEIGHTS, names) if names else {}
    if made is None:
        raise IntegrityError(f"{root / _WEIGHTS} is missing or damaged. {_AGAIN}")
    return graph, made


def write_encoder(root: Path, layout: Found, packed: NDArray[np.uint8], head: BuiltGraph | None) -> None:
    """Put what computes without a graph is given beside a model's files, before the record."""
    write_layout(root / LAYOUT, layout)
    write_bytes(root / _PACKED, packed)
    if head is not None:
        write_graph(root / _HEAD, head)


def read_packed(root: Path, packed: str, size: int) -> NDArray[np.uint8] | None:
    """The weights of a compiled folder, mapped; None for folders without, or with weights in another layout.

    Raises:
        IntegrityError: they are damaged.
    """
    record = read_record(root)
    if record is None or record.packed != packed:
        return None
    found = map_bytes(root / _PACKED, size)
    if found is None:
        raise IntegrityError(f"{root / _PACKED} is missing or damaged. {_AGAIN}")
    return found


def read_head(root: Path) -> BuiltGraph | None:
    """The graph of what follows the encoder; None for folders without."""
    return read_graph(root / _HEAD)
