"""Modules between pooling and the end of a model that are applied outside a graph: numbers are PyTorch's."""

import json
from pathlib import Path

import numpy as np
import pytest
from rapidembed import UnsupportedModelError
from rapidembed.registry import DenseLayer, NormLayer, UnitLayer
from rapidembed.runtime.layers import ACTIVATIONS, follow

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "activations.json").read_text(encoding="utf-8"))
POINTS = np.array(GOLDEN["points"], dtype=np.float32)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_are_those_of_torch(name: str) -> None:
    found = ACTIVATIONS[name](POINTS)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, GOLDEN["activations"][name], rtol=2e-5, atol=2e-6)


def test_layer_norm_is_that_of_torch() -> None:
    width = len(POINTS)
    tensors = {
        "2_Norm/norm.weight": np.linspace(0.5, 1.5, width, dtype=np.float32),
        "2_Norm/norm.bias": np.linspace(-1, 1, width, dtype=np.float32),
    }
    found = follow(POINTS[None], NormLayer(path="2_Norm", width=width), tensors)
    np.testing.assert_allclose(found[0], GOLDEN["norm"], atol=1e-5)


@pytest.mark.parametrize(("out", "bias", "residual"), [(3, True, False), (3, False, True), (2, True, True)])
def test_dense_layers(out: int, bias: bool, residual: bool) -> None:
    """A residual that keeps the width is the vector itself, another goes through a matrix of its own."""
    random = np.random.default_rng(0)
    weight, own = random.normal(size=(2, out, 3)).astype(np.float32)
    shift, vectors = random.normal(size=out).astype(np.float32), random.normal(size=(4, 3)).astype(np.float32)
    tensors = {"d/linear.weight": weight, "d/linear.bias": shift, "d/residual.weight": own}
    layer = DenseLayer(path="d", in_features=3, out_features=out, bias=bias, activation="ReLU", residual=residual)
    wanted = np.maximum(vectors @ weight.T + bias * shift, 0)
    if residual:
        wanted = wanted + (vectors if out == 3 else vectors @ own.T)
    np.testing.assert_allclose(follow(vectors, layer, tensors), wanted, rtol=1e-6)


def test_zeros_have_no_direction() -> None:
    vectors = np.array([[3, 4], [0, 0]], dtype=np.float32)
    np.testing.assert_allclose(follow(vectors, UnitLayer(width=2), {}), [[0.6, 0.8], [0, 0]])


def test_other_activations_are_refused() -> None:
    layer = DenseLayer(path="d", in_features=1, out_features=1, bias=False, activation="Wave")
    with pytest.raises(UnsupportedModelError, match="d: activation 'Wave' is unknown; known: Identity, Tanh"):
        follow(np.ones((1, 1), np.float32), layer, {"d/linear.weight": np.ones((1, 1), np.float32)})
