"""What a builder hands over."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BuiltGraph:
    """A serialized ONNX model without weights, and the checkpoint's tensors that it reads."""

    model: bytes
    tensors: tuple[str, ...]
    """Given to the session once."""
    tables: tuple[str, ...]
    """Given to every run, as inputs of the same names."""
