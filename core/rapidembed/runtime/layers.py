"""The modules that follow the pooling, outside the graph: for ONNX files that return token vectors."""

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from rapidembed.errors import UnsupportedModelError
from rapidembed.registry import DenseLayer, Layer, NormLayer
from rapidembed.types import Vectors

_NORM_EPSILON = 1e-5  # torch.nn.LayerNorm's
_SHORTEST = 1e-12  # torch.nn.functional.normalize's
_SELU = 1.6732632423543772, 1.0507009873554805
_erf = np.vectorize(math.erf, otypes=[np.float32])


def _sigmoid(x: Vectors) -> Vectors:
    return np.asarray(1 / (1 + np.exp(-x)))


def _softplus(x: Vectors) -> Vectors:
    return np.asarray(np.logaddexp(0, x), dtype=np.float32)


def _elu(x: Vectors) -> Vectors:
    return np.asarray(np.where(x > 0, x, np.expm1(np.minimum(x, 0))), dtype=np.float32)


ACTIVATIONS: dict[str, Callable[[Vectors], Vectors]] = {
    "Identity": lambda x: x,
    "Tanh": np.tanh,
    "ReLU": lambda x: np.maximum(x, 0),
    "Sigmoid": _sigmoid,
    "GELU": lambda x: np.asarray(x * (1 + _erf(x / math.sqrt(2))) / 2),
    "SiLU": lambda x: x * _sigmoid(x),
    "LeakyReLU": lambda x: np.asarray(np.where(x > 0, x, 0.01 * x), dtype=np.float32),
    "ELU": _elu,
    "CELU": _elu,
    "SELU": lambda x: np.asarray(_SELU[1] * np.where(x > 0, x, _SELU[0] * _elu(x)), dtype=np.float32),
    "Softplus": _softplus,
    "Softsign": lambda x: x / (1 + np.abs(x)),
    "Mish": lambda x: x * np.tanh(_softplus(x)),
    "Hardswish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "Hardsigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "Hardtanh": lambda x: np.clip(x, -1, 1),
    "ReLU6": lambda x: np.clip(x, 0, 6),
    "LogSigmoid": lambda x: -_softplus(-x),
    "Tanhshrink": lambda x: x - np.tanh(x),
}
"""By the names of the classes in ``torch.nn``, with the values that those have by default."""


def follow(vectors: Vectors, layer: Layer, tensors: Mapping[str, NDArray[np.float32]]) -> Vectors:
    """A module on pooled vectors, see :func:`rapidembed.graph.blocks.modules.follow`.

    Raises:
        UnsupportedModelError: its activation is unknown.
    """
    if isinstance(layer, DenseLayer):
        return np.asarray(_dense(vectors, layer, tensors), dtype=np.float32)
    if isinstance(layer, NormLayer):
        centred = vectors - vectors.mean(axis=-1, keepdims=True)
        scale = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + _NORM_EPSILON)
        return np.asarray(
            centred / scale * tensors[f"{layer.prefix}norm.weight"] + tensors[f"{layer.prefix}norm.bias"],
            dtype=np.float32,
        )
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, _SHORTEST), dtype=np.float32)


def _dense(vectors: Vectors, layer: DenseLayer, tensors: Mapping[str, NDArray[np.float32]]) -> Vectors:
    if layer.activation not in ACTIVATIONS:
        raise UnsupportedModelError(
            f"{layer.path}: activation {layer.activation!r} is unknown; known: {', '.join(ACTIVATIONS)}."
        )
    product = vectors @ tensors[f"{layer.prefix}linear.weight"].T
    if layer.bias:
        product += tensors[f"{layer.prefix}linear.bias"]
    result = ACTIVATIONS[layer.activation](product)
    if not layer.residual:
        return result
    own = layer.in_features == layer.out_features
    return result + (vectors if own else vectors @ tensors[f"{layer.prefix}residual.weight"].T)
