"""How a model computes: safetensors weights and a config become the ONNX graph that suits this device."""

from rapidembed.graph.architectures import buildable_architectures
from rapidembed.graph.compiled import Compiled, read_record
from rapidembed.graph.program import Program, RoundingPlan, load_program

__all__ = [
    "Compiled",
    "Program",
    "RoundingPlan",
    "buildable_architectures",
    "load_program",
    "read_record",
]
