"""Recompute ``vision.json`` and ``vision.safetensors``: ``python -m tests.golden.make_vision``.

Runs where transformers is installed: PyTorch, CPU, fp32.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from safetensors import safe_open
from safetensors.numpy import save_file

from tests.golden.pictures import picture
from tests.golden.vision import DESCRIBED, PROCESSOR, VARIANTS, VECTORS, Variant, ids, pixels, write_model


def describe(variant: Variant) -> dict[str, Any]:
    """Config and tensors as transformers writes them."""
    model_class = getattr(transformers, variant.model)
    with tempfile.TemporaryDirectory() as folder:
        model_class(model_class.config_class(**variant.config)).save_pretrained(folder)
        config = json.loads((Path(folder) / "config.json").read_text())
        with safe_open(Path(folder) / "model.safetensors", framework="numpy") as file:
            tensors = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
    return {"config": config, "tensors": tensors}


def load(variant: Variant, folder: Path) -> Any:
    """The model, none of whose tensors is missing or left over."""
    model, report = getattr(transformers, variant.model).from_pretrained(folder, output_loading_info=True)
    if left := {kind: names for kind, names in report.items() if names}:
        raise AssertionError(f"{folder.name}: {left}")
    return model.float().eval()


def picture_vectors(model: Any, variant: Variant) -> torch.Tensor:
    given = torch.from_numpy(pixels(variant))
    if variant.texts:
        return model.get_image_features(given).pooler_output
    output = model(given)
    if variant.model == "CLIPVisionModelWithProjection":
        return output.image_embeds
    if variant.pooling == ("none",):
        return output.pooler_output
    hidden = output.last_hidden_state
    return torch.cat([hidden[:, 0] if mode == "cls" else hidden.mean(dim=1) for mode in variant.pooling], dim=1)


def text_vectors(model: Any, name: str, variant: Variant) -> torch.Tensor:
    given = torch.from_numpy(ids(name))
    return model(given).text_embeds if variant.only else model.get_text_features(given).pooler_output


def main() -> None:
    DESCRIBED.write_text(json.dumps({name: describe(variant) for name, variant in VARIANTS.items()}, indent=0) + "\n")
    found: dict[str, np.ndarray] = {}
    with tempfile.TemporaryDirectory() as root, torch.inference_mode():
        for name, variant in VARIANTS.items():
            model = load(variant, write_model(name, Path(root) / name))
            if not variant.only:
                found[f"{name}/pictures"] = picture_vectors(model, variant).numpy().copy()
            if variant.texts or variant.only:
                found[f"{name}/texts"] = text_vectors(model, name, variant).numpy().copy()
        model = load(VARIANTS["clip"], write_model("clip", Path(root) / "whole"))
        processor = transformers.CLIPImageProcessorPil(**{key: PROCESSOR[key] for key in ("size", "crop_size")})
        for name in ("landscape", "portrait"):
            given = processor(picture(name), return_tensors="pt")
            found[f"whole/{name}"] = model.get_image_features(**given).pooler_output.numpy().copy()
    save_file(found, VECTORS, {"torch": torch.__version__, "transformers": transformers.__version__})


if __name__ == "__main__":
    main()
