"""What a builder hands over."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BuiltGraph:
    """A serialized ONNX model that points into the checkpoint's files, and the tensors it needs beyond them."""

    model: bytes
    converted: tuple[str, ...]
    """Names of tensors that are not stored as float32: the session is given their values once."""
    tables: tuple[str, ...]
    """Names of tensors that every run is given, as inputs of the same names."""
