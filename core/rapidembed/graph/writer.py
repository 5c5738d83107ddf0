"""A thin hand on ``onnx.helper``: names nodes, shares constants, and points at weights instead of copying them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, Protocol

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from rapidembed.errors import IntegrityError, UnsupportedModelError
from rapidembed.graph.pruning import left_over, prune
from rapidembed.graph.values import Part, Trait
from rapidembed.graph.weights import Location, Weights

OPSET = 21
IR_VERSION = 10
CONTRIB = "com.microsoft"
"""Operator domain of ONNX Runtime's fused operators."""
InputType = Literal["int64", "float32"]
_TYPES: Mapping[InputType, int] = {"int64": TensorProto.INT64, "float32": TensorProto.FLOAT}
_NOTHING: Mapping[str, int] = {}
_SAME_CHANNELS = frozenset({"Reshape", "Gather", "Slice", "Squeeze", "Unsqueeze"})
"""Operators that arrange the rows of their first input otherwise."""
_SAME_ROWS = frozenset(
    {
        *("Add", "Mul", "Gelu", "Relu", "Sigmoid", "LayerNormalization", "Reshape"),
        *("Gemm", "QuantizeLinear", "MatMulIntegerToFloat", "MultiHeadAttention"),
    }
)
"""Operators whose output has a row for each row of their first input, however either is arranged."""


class Linears(Protocol):
    """A way to multiply by weight matrices: writes the nodes of ``x @ weight.T + bias``."""

    def linear(self, writer: "GraphWriter", x: str, weight: str, bias: str | None, *, fine: bool) -> str:
        """Arguments are those of :func:`rapidembed.graph.blocks.basic.linear`."""


class GraphWriter:
    """Collects nodes; tensors of the checkpoint stay in their files, which the graph points into.

    Args:
        weights: the checkpoint's tensors.
        prefixes: what published checkpoints put before the encoder's tensor names; the one in use is found by
            ``anchor``, a name that every checkpoint of the architecture has.
        linears: how weight matrices are multiplied by.
        tables_as_inputs: hand lookup tables to every run instead of to the session, see :meth:`table`.
        plain: use standard operators only; the checkpoint's tensors become inputs, for a runtime that puts them in
            their place.
    """

    def __init__(
        self,
        weights: Weights,
        prefixes: tuple[str, ...],
        anchor: str,
        linears: Linears,
        *,
        tables_as_inputs: bool,
        plain: bool = False,
    ) -> None:
        self.plain = plain
        """Whether standard operators only are wanted."""
        self.linears = linears
        self._weights = weights
        self._inputs: list[onnx.ValueInfoProto] = []
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: dict[str, onnx.TensorProto] = {}
        self._parts: dict[str, Part] = {}
        self._traits: dict[str, Trait] = {}
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._tables_as_inputs = tables_as_inputs
        self._left_out: tuple[str, ...] = ()
        self.tensors: set[str] = set()
        """Names of the checkpoint's tensors that the graph is made of."""
        self._converted: list[str] = []
        self.tables: dict[str, tuple[int, ...]] = {}
        """Names and shapes of the tensors that every run gets as inputs."""
        for prefix in prefixes:
            if prefix + anchor in weights:
                self._prefix = prefix
                return
        raise UnsupportedModelError(
            f"The weights hold no tensor {anchor!r} (tried the prefixes {', '.join(map(repr, prefixes))})."
        )

    def input(self, name: str, shape: Sequence[str | int], kind: InputType = "int64") -> str:
        """Declare an input: its name and type, and the names or sizes of its dimensions, none for a number."""
        self._inputs.append(helper.make_tensor_value_info(name, _TYPES[kind], list(shape)))
        return name

    def node(self, operator: str, *inputs: str, domain: str = "", **attributes: object) -> str:
        """Add a node with one output and return that output's name."""
        return self.nodes(operator, *inputs, outputs=1, domain=domain, **attributes)[0]

    def nodes(self, operator: str, *inputs: str, outputs: int, domain: str = "", **attributes: object) -> list[str]:
        """Add a node with several outputs and return their names."""
        stem = f"{operator}_{len(self._nodes)}"
        names = [f"{stem}_{i}" for i in range(outputs)]
        self._nodes.append(helper.make_node(operator, list(inputs), names, name=stem, domain=domain, **attributes))
        if operator in _SAME_CHANNELS | _SAME_ROWS and inputs[0] in self._traits:
            trait = self._traits[inputs[0]]
            rows = trait.rows if operator in _SAME_ROWS else None
            self._traits[names[0]] = replace(trait, rows=rows) if operator in _SAME_CHANNELS else Trait(rows=rows)
        return names

    def describe(self, value: str, **known: Any) -> str:
        """Remember what is known of a value, by the names of :class:`Trait`, and return it."""
        self._traits[value] = replace(self.trait(value), **known)
        return value

    def trait(self, value: str) -> Trait:
        """What is known of a value."""
        return self._traits.get(value, Trait())

    def part(self, weight: str) -> Part:
        """What a weight matrix, named by one of the methods below, is of the checkpoint."""
        return self._parts[weight]

    def constant(self, value: NDArray[np.generic]) -> str:
        """A small array stored in the graph; equal arrays are stored once."""
        key = (value.dtype.str, value.shape, value.tobytes())
        if key not in self._constants:
            name = f"constant_{len(self._constants)}"
            self._initializers[name] = numpy_helper.from_array(value, name)
            self._constants[key] = name
        return self._constants[key]

    def ints(self, *values: int) -> str:
        """A 1-D int64 constant."""
        return self.constant(np.array(values, dtype=np.int64))

    def weight(self, name: str, shape: tuple[int, ...], *older_names: str) -> str:
        """An encoder tensor by its name without prefix, checked against ``shape``.

        Args:
            name: today's name.
            shape: what the config promises.
            older_names: names that earlier publications used for the same tensor.
        """
        for candidate in (name, *older_names):
            if self._prefix + candidate in self._weights:
                return self.external(self._prefix + candidate, shape)
        raise IntegrityError(f"The weights hold no tensor {self._prefix + name!r}, which the config calls for.")

    def table(self, name: str, shape: tuple[int, ...]) -> str:
        """A table that is only looked up in, by its name without prefix.

        A session copies its weights. As an input on CPU a table stays where it is, in the memory-mapped file: every
        session shares it, nothing is copied at start, and rows that no text needs are never read.
        """
        if not self._tables_as_inputs:
            return self.weight(name, shape)
        full_name = self._prefix + name
        self._check_shape(full_name, shape)
        self.tables[full_name] = shape
        return full_name

    def external(self, name: str, shape: tuple[int, ...]) -> str:
        """A tensor by its full name in the checkpoint."""
        self._check_shape(name, shape)
        if self.plain:
            self.tables[name] = shape
        elif name not in self.tensors:
            self.tensors.add(name)
            location = self._weights.location(name)
            if location is None:
                self._converted.append(name)
            self._initializers[name] = _external_tensor(name, shape, location)
        if len(shape) == 2:
            self._parts[name] = Part(name, name, 0, *shape)
        return name

    def made(self, name: str, shape: tuple[int, ...], kind: int) -> str:
        """A tensor that is made of the checkpoint's, of a type of ``TensorProto``; the session is given its values."""
        self._initializers[name] = _external_tensor(name, shape, None, kind)
        return name

    def find(self, *names: str) -> str:
        """The first of some full names that the checkpoint has.

        Raises:
            IntegrityError: it has none of them.
        """
        for name in names:
            if name in self._weights:
                return name
        raise IntegrityError(f"The weights hold no tensor {names[0]!r}, which the config calls for.")

    def rows(self, name: str, shape: tuple[int, ...], start: int, stop: int) -> str:
        """Rows of a tensor by its full name in the checkpoint: they lie together in its file, so nothing is copied."""
        location = self._weights.location(name) if name in self._weights else None
        if location is None or self.plain:  # converted, or handed over, as a whole
            whole = self.external(name, shape)
            rows = self.node("Slice", whole, self.ints(start), self.ints(stop), self.ints(0))
        else:
            self._check_shape(name, shape)
            self.tensors.add(name)
            row = location.length // shape[0]
            part = Location(location.file, location.offset + start * row, (stop - start) * row)
            rows = f"{name}[{start}:{stop}]"
            self._initializers[rows] = _external_tensor(rows, (stop - start, *shape[1:]), part)
        if len(shape) == 2:
            self._parts[rows] = Part(f"{name}[{start}:{stop}]", name, start, stop, shape[1])
        return rows

    def has(self, name: str) -> bool:
        """Whether the checkpoint has an encoder tensor of that name (without prefix)."""
        return self._prefix + name in self._weights

    def holds(self, name: str) -> bool:
        """Whether the checkpoint has a tensor of that full name."""
        return name in self._weights

    def full_name(self, name: str) -> str:
        """The name in the checkpoint of an encoder tensor."""
        return self._prefix + name

    def _check_shape(self, name: str, shape: tuple[int, ...]) -> None:
        if name not in self._weights:
            raise IntegrityError(f"The weights hold no tensor {name!r}, which the config calls for.")
        if self._weights.shape(name) != shape:
            found = self._weights.shape(name)
            raise IntegrityError(f"Tensor {name!r} has shape {found}, but the config calls for {shape}.")

    def leave_out(self, beginning: str) -> None:
        """Say that encoder tensors whose names begin so need not be read: the head does without them."""
        self._left_out += (beginning,)

    def refuse_unused(self, ignorable: tuple[str, ...]) -> None:
        """Raise if the checkpoint holds tensors that the graph does not read and that may not be ignored.

        Args:
            ignorable: beginnings of names (without prefix) that do not change the vectors.
        """
        unused = [
            name
            for name in sorted(self._weights.names - self.tensors - self.tables.keys())
            if not name.removeprefix(self._prefix).startswith(ignorable + self._left_out)
        ]
        unused = left_over(unused, self.tensors | self.tables.keys(), self._prefix)
        if unused:
            more = f" and {len(unused) - 5} more" if len(unused) > 5 else ""
            raise UnsupportedModelError(
                f"The weights hold tensors that this architecture does not use: {', '.join(unused[:5])}{more}."
            )

    @property
    def converted(self) -> list[str]:
        """The tensors that are used as float32 but not stored so: the session must be given their values."""
        used = self._used_initializers()
        return [name for name in self._converted if name in used]

    def finish(self, output: str, shape: Sequence[str | int], watched: Mapping[str, int] = _NOTHING) -> bytes:
        """Serialize the graph; its inputs are the declared ones and the tables.

        Args:
            output: the value that becomes the output "embedding", float32.
            shape: of the output; names of dimensions, or their sizes.
            watched: further values, float32 squares, and their width, that become outputs under their own names.
        """
        self._nodes.append(helper.make_node("Identity", [output], ["embedding"]))
        # Nobody reads, for one, slices of a weight that is made into integers.
        self._nodes, _ = prune(self._nodes, ("embedding", *watched))
        tables = [helper.make_tensor_value_info(name, TensorProto.FLOAT, dims) for name, dims in self.tables.items()]
        graph = helper.make_graph(
            self._nodes,
            "rapidembed",
            self._inputs + tables,
            [
                helper.make_tensor_value_info("embedding", TensorProto.FLOAT, list(shape)),
                *(helper.make_tensor_value_info(name, TensorProto.FLOAT, [n, n]) for name, n in watched.items()),
            ],
            [self._initializers[name] for name in self._used_initializers()],
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIB, 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
        return bytes(model.SerializeToString())

    def _used_initializers(self) -> list[str]:
        read = {name for node in self._nodes for name in node.input}
        return [name for name in self._initializers if name in read]


def _external_tensor(
    name: str, shape: tuple[int, ...], location: Location | None, kind: int = TensorProto.FLOAT
) -> onnx.TensorProto:
    tensor = TensorProto(name=name, data_type=kind, dims=shape, data_location=TensorProto.EXTERNAL)
    if location is None:
        tensor.external_data.add(key="location", value="given-by-the-session")
    else:
        tensor.external_data.add(key="location", value=location.file)
        tensor.external_data.add(key="offset", value=str(location.offset))
        tensor.external_data.add(key="length", value=str(location.length))
    return tensor
