"""What PyTorch's modules between pooling and the end of a model give; writes activations.json.

Run with an environment that has PyTorch: ``python -m tests.golden.make_activations``.
"""

import json
from pathlib import Path

import torch
from rapidembed.runtime.layers import ACTIVATIONS

POINTS = [-7.5, -3.0, -1.25, -0.5, 0.0, 0.25, 1.0, 2.5, 6.5, 30.0]


def main() -> None:
    x = torch.tensor(POINTS)
    weight, bias = torch.linspace(0.5, 1.5, len(POINTS)), torch.linspace(-1, 1, len(POINTS))
    found = {
        "points": POINTS,
        "activations": {name: getattr(torch.nn, name)()(x).tolist() for name in sorted(ACTIVATIONS)},
        "norm": torch.nn.functional.layer_norm(x, x.shape, weight, bias).tolist(),
        "torch": torch.__version__,
    }
    text = json.dumps(found, indent=0).replace("\n", " ").replace("], ", "],\n").replace("{ ", "{\n")
    Path(__file__).with_name("activations.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
