"""What the benchmark of pictures reads: a CLIP vision model of random weights in two forms, and pictures."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np


def write_model(folder: Path, *, side: int = 224, **sizes: int) -> Any:
    """A CLIP vision model of random weights, saved; returned for exports."""
    import torch
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    torch.manual_seed(0)
    model = CLIPVisionModelWithProjection(CLIPVisionConfig(image_size=side, projection_dim=512, **sizes)).eval()
    # As a trained model's, attention is no mean of all patches.
    for name, tensor in model.named_parameters():
        if name.endswith(("q_proj.weight", "k_proj.weight")):
            tensor.data *= 3
    model.save_pretrained(folder)
    processor = {
        "image_processor_type": "CLIPImageProcessor",
        "do_convert_rgb": True,
        "do_resize": True,
        "size": {"shortest_edge": side},
        "resample": 3,
        "do_center_crop": True,
        "crop_size": {"height": side, "width": side},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    return model


def write(folder: Path, count: int) -> None:
    """The model in both forms, and the pictures."""
    import torch
    from PIL import Image
    from rapidembed.runtime.pictures.sample import drawn

    model = write_model(folder / "model", patch_size=32)
    torch.onnx.export(
        model,
        (torch.zeros(2, 3, 224, 224),),
        str(folder / "model" / "model.onnx"),
        input_names=["pixel_values"],
        output_names=["image_embeds", "last_hidden_state"],
        dynamic_axes={"pixel_values": {0: "batch"}, "image_embeds": {0: "batch"}},
        dynamo=False,
    )
    (folder / "pictures").mkdir()
    shapes = ((768, 1024), (1024, 768), (1024, 1024))
    made = (picture for shape in shapes for batch in drawn(shape) for picture in batch)
    for index, picture in zip(range(count), made, strict=False):
        Image.fromarray(picture).save(folder / "pictures" / f"{index:04}.jpg", quality=90)


def generated() -> list[bytes]:
    """JPEG files of a hundred shapes."""
    from PIL import Image

    random = np.random.default_rng(0)
    files = []
    for _ in range(100):
        height, width = random.integers(24, 160, 2)
        with io.BytesIO() as file:
            Image.fromarray(random.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(file, "JPEG")
            files.append(file.getvalue())
    return files
