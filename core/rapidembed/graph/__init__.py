"""How a model computes: safetensors weights and a config become the ONNX graph that suits this device."""

from rapidembed.graph.architectures import buildable_architectures
from rapidembed.graph.program import Program, Rounding, load_program

__all__ = ["Program", "Rounding", "buildable_architectures", "load_program"]
