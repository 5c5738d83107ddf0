"""The native encoder of rapidembed: finds its library and calls it; README.md tells what it computes.

``library`` declares the C interface, ``packing`` lays weights out, ``model`` holds an encoder, ``families`` makes one
of a checkpoint's tensors.
"""

from rapidembed_native.library import ABI_VERSION, Isa, NativeError, Output, Precision, best_isa, has_isa, load, roof
from rapidembed_native.model import Description, Encoder, LayerWeights, Norm, Rotary
from rapidembed_native.packing import Packed, Part, pack, zero_of

__all__ = [
    "ABI_VERSION",
    "Description",
    "Encoder",
    "Isa",
    "LayerWeights",
    "NativeError",
    "Norm",
    "Output",
    "Packed",
    "Part",
    "Precision",
    "Rotary",
    "best_isa",
    "has_isa",
    "load",
    "pack",
    "roof",
    "zero_of",
]
