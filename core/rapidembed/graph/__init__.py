"""How a model computes: safetensors weights and a config become the ONNX graph that suits this device."""

from rapidembed.graph.architectures import buildable_architectures
from rapidembed.graph.compile import compile_encoder, compile_program
from rapidembed.graph.compiled import Compiled, read_record
from rapidembed.graph.program import (
    EncoderTensors,
    Program,
    RoundingPlan,
    find_encoder,
    load_encoder,
    load_head,
    load_program,
)

__all__ = [
    "Compiled",
    "EncoderTensors",
    "Program",
    "RoundingPlan",
    "buildable_architectures",
    "compile_encoder",
    "compile_program",
    "find_encoder",
    "load_encoder",
    "load_head",
    "load_program",
    "read_record",
]
