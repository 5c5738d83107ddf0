"""Recompute ``builtin_image.safetensors``: ``python -m tests.golden.make_builtin_image STATE_DICT``.

Runs where torch and efficientnet-lite-pytorch==0.1.0 are installed; STATE_DICT is the file that
``scripts/builtin_image/build.py`` fetches.
"""

import sys
from collections.abc import Mapping

import numpy as np
import torch
from efficientnet_lite_pytorch import EfficientNet
from safetensors.numpy import save_file

from tests.golden.builtin_image import FILE, pixels


def load(path: str) -> EfficientNet:
    """The published network, as it is: ``set_swish`` would replace the ReLU6 that Lite was trained with."""
    model = EfficientNet.from_name("efficientnet-lite0")
    state: Mapping[str, torch.Tensor] = torch.load(path, weights_only=True)
    model.load_state_dict(state)
    return model.eval()


def main() -> None:
    model = load(sys.argv[1])
    with torch.inference_mode():
        features = model.extract_features(torch.from_numpy(pixels())).mean(dim=(2, 3)).numpy()
    save_file({"features": np.ascontiguousarray(features)}, FILE, {"torch": torch.__version__})


if __name__ == "__main__":
    main()
