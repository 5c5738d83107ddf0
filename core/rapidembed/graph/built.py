"""What a builder hands over."""

from dataclasses import dataclass, field

from rapidembed.graph.rounded import Rounded


@dataclass(frozen=True, slots=True)
class BuiltGraph:
    """A serialized ONNX model that points into the checkpoint's files, and the tensors it needs beyond them."""

    model: bytes
    converted: tuple[str, ...]
    """Names of tensors that are not stored as float32: the session is given their values once."""
    tables: tuple[str, ...]
    """Names of tensors that every run is given, as inputs of the same names."""
    rounded: tuple[Rounded, ...] = ()
    """Matrices that the session is given as integers, see :func:`rapidembed.graph.rounding.round_weights`."""
    observed: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Outputs and their width by name of the observation, see :class:`rapidembed.graph.linears.Observing`."""
