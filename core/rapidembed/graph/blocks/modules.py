"""The modules of sentence-transformers that follow the pooling, as graph nodes."""

from collections.abc import Callable
from typing import Any

from rapidembed.errors import UnsupportedModelError
from rapidembed.graph.blocks import basic
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry import DenseLayer, Layer, NormLayer

_NORM_EPSILON = 1e-5  # torch.nn.LayerNorm's
_SHORTEST = 1e-12  # torch.nn.functional.normalize's

Activation = Callable[[GraphWriter, str], str]


def _operator(name: str, **attributes: Any) -> Activation:
    return lambda writer, x: writer.node(name, x, **attributes)


def _silu(writer: GraphWriter, x: str) -> str:
    return writer.node("Mul", x, writer.node("Sigmoid", x))


def _clip(low: float, high: float) -> Activation:
    return lambda writer, x: writer.node("Clip", x, basic.scalar(writer, low), basic.scalar(writer, high))


ACTIVATIONS: dict[str, Activation] = {
    "Identity": lambda writer, x: x,
    "Tanh": _operator("Tanh"),
    "ReLU": _operator("Relu"),
    "Sigmoid": _operator("Sigmoid"),
    "GELU": _operator("Gelu"),
    "SiLU": _silu,
    "LeakyReLU": _operator("LeakyRelu", alpha=0.01),
    "ELU": _operator("Elu", alpha=1.0),
    "CELU": _operator("Celu", alpha=1.0),
    "SELU": _operator("Selu"),
    "Softplus": _operator("Softplus"),
    "Softsign": _operator("Softsign"),
    "Mish": _operator("Mish"),
    "Hardswish": _operator("HardSwish"),
    "Hardsigmoid": _operator("HardSigmoid", alpha=1 / 6, beta=0.5),
    "Hardtanh": _clip(-1.0, 1.0),
    "ReLU6": _clip(0.0, 6.0),
    "LogSigmoid": lambda writer, x: writer.node("Neg", writer.node("Softplus", writer.node("Neg", x))),
    "Tanhshrink": lambda writer, x: writer.node("Sub", x, writer.node("Tanh", x)),
}
"""By the names of the classes in ``torch.nn``, with the values that those have by default."""


def follow(writer: GraphWriter, x: str, layer: Layer) -> str:
    """A module on 2-D ``x``, pooled vectors or flattened token vectors.

    Raises:
        UnsupportedModelError: its activation is unknown.
    """
    if isinstance(layer, DenseLayer):
        return _dense(writer, x, layer)
    if isinstance(layer, NormLayer):
        weight = writer.external(f"{layer.prefix}norm.weight", (layer.width,))
        bias = writer.external(f"{layer.prefix}norm.bias", (layer.width,))
        return basic.layer_norm(writer, x, weight, bias, _NORM_EPSILON)
    length = writer.node("ReduceL2", x, writer.ints(-1), keepdims=1)
    return writer.node("Div", x, writer.node("Max", length, basic.scalar(writer, _SHORTEST)))


def _dense(writer: GraphWriter, x: str, layer: DenseLayer) -> str:
    if layer.activation not in ACTIVATIONS:
        raise UnsupportedModelError(
            f"{layer.path}: activation {layer.activation!r} is unknown; known: {', '.join(ACTIVATIONS)}."
        )
    shape = (layer.out_features, layer.in_features)
    inputs = [x, writer.external(f"{layer.prefix}linear.weight", shape)]
    if layer.bias:
        inputs.append(writer.external(f"{layer.prefix}linear.bias", (layer.out_features,)))
    y = ACTIVATIONS[layer.activation](writer, writer.node("Gemm", *inputs, transB=1))
    if not layer.residual:
        return y
    if layer.in_features != layer.out_features:
        x = writer.node("Gemm", x, writer.external(f"{layer.prefix}residual.weight", shape), transB=1)
    return writer.node("Add", y, x)
