"""Activations as real texts make them, looked at once, before weights are rounded."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
from huggingface_hub.utils.tqdm import tqdm
from numpy.typing import NDArray

from rapidembed.graph import Program
from rapidembed.graph.pruning import prune
from rapidembed.runtime.cores import allowed_cores
from rapidembed.runtime.device import CPU_PROVIDER
from rapidembed.runtime.onnx_runtime import ort
from rapidembed.runtime.session import session_options

_AT_ONCE = 32_000_000
"""Numbers, of which there are two copies; fewer at once cost a forward pass for each portion."""
_SHOWN_AFTER = 2
"""Seconds before there is a progress bar."""


def observe(
    program: Program, batches: Sequence[Mapping[str, NDArray[Any]]]
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Run a program on the CPU on some batches; on a terminal, with a progress bar.

    Args:
        program: its other outputs are observed.
        batches: values of its inputs by name; numbers and types of tokens that it wants beside them are 0.

    Returns:
        Each output but the first, a square: its name, and its sum over the batches.
    """
    model = onnx.load_from_string(program.model)
    squares = [(value.name, value.type.tensor_type.shape.dim[0].dim_value) for value in model.graph.output[1:]]
    shown: dict[str, Any] = {
        "unit": "activation",
        "delay": _SHOWN_AFTER,
        "disable": sys.stderr is None or None,
    }  # None: as the terminal has it
    with tqdm(total=len(squares), desc="Rounding the weights", **shown) as bar:  # type: ignore[no-untyped-call]
        for names, widths in _portions(squares):
            sums = [np.zeros((width, width), dtype=np.float32) for width in widths]
            session, given = _session(program, model, names)
            for batch in batches:
                for total, part in zip(sums, session.run(names, given | _feeds(session, batch)), strict=True):
                    total += part
            for pair in zip(names, sums, strict=True):
                yield pair
                bar.update()


def _portions(squares: Sequence[tuple[str, int]]) -> Iterator[tuple[list[str], list[int]]]:
    """Names and widths of as many squares as may be held at once."""
    names: list[str] = []
    widths: list[int] = []
    for name, width in squares:
        if names and sum(n * n for n in widths) + width * width > _AT_ONCE:
            yield names, widths
            names, widths = [], []
        names.append(name)
        widths.append(width)
    if names:
        yield names, widths


def _session(
    program: Program, model: onnx.ModelProto, outputs: Sequence[str]
) -> tuple[ort.InferenceSession, dict[str, NDArray[Any]]]:
    """A session for some outputs, and the tables that it takes.

    ONNX Runtime computes outputs that nobody asks for as well, so the graph is cut to those that somebody does.
    """
    nodes, needed = prune(model.graph.node, outputs)
    graph = onnx.helper.make_graph(
        nodes,
        model.graph.name,
        [value for value in model.graph.input if value.name in needed],
        [value for value in model.graph.output if value.name in needed],
        [tensor for tensor in model.graph.initializer if tensor.name in needed],
    )
    part = onnx.helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    program = replace(
        program,
        model=part.SerializeToString(),
        given={name: value for name, value in program.given.items() if name in needed},
    )
    options = session_options(program, allowed_cores())
    # For a few batches packing takes longer than it saves.
    options.add_session_config_entry("session.disable_prepacking", "1")
    session = ort.InferenceSession(program.model, options, providers=[CPU_PROVIDER])
    return session, {name: table for name, table in program.tables.items() if name in needed}


def _feeds(session: ort.InferenceSession, batch: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    shape = next(iter(batch.values())).shape
    others = [value for value in session.get_inputs() if value.type == "tensor(int64)" and value.name not in batch]
    wanted = {value.name for value in session.get_inputs()}
    return {name: value for name, value in batch.items() if name in wanted} | {
        value.name: np.zeros(shape[: len(value.shape)], dtype=np.int64) for value in others
    }
