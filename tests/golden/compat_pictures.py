"""Models of pictures in fastembed's layout, one for each way that it prepares them, and pictures of four kinds."""

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

SIDE, CELLS, WIDTH, NOMIC = 32, 48, 12, 768
_CLIP = {"image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711]}
_RESCALED = {"do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True, "do_resize": True}
_CROPPED = {
    "image_processor_type": "CLIPImageProcessor",
    "size": {"shortest_edge": SIDE},
    "do_center_crop": True,
    "crop_size": {"height": SIDE, "width": SIDE},
    "resample": 3,
    "do_convert_rgb": True,
    **_RESCALED,
    **_CLIP,
}
_PROCESSORS: dict[str, dict[str, Any]] = {
    "Qdrant/clip-ViT-B-32-vision": _CROPPED,
    "Qdrant/resnet50-onnx": {
        "image_processor_type": "ConvNextFeatureExtractor",
        "do_resize": True,
        "size": {"shortest_edge": SIDE},
        "crop_pct": 0.875,
        "do_normalize": True,
        "image_mean": [0.485, 0.456, 0.406],
        "image_std": [0.229, 0.224, 0.225],
        "resample": 3,
    },
    "Qdrant/Unicom-ViT-B-32": _CROPPED,
    "jinaai/jina-clip-v1": {
        "image_processor_type": "JinaCLIPImageProcessor",
        "size": SIDE,
        "mean": _CLIP["image_mean"],
        "std": _CLIP["image_std"],
        "resize_mode": "shortest",
        "interpolation": "bicubic",
        "fill_color": 0,
    },
    "google/siglip2-base-patch16-224": {
        "image_processor_type": "SiglipImageProcessor",
        "size": {"height": SIDE, "width": SIDE},
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
        "resample": 2,
        **_RESCALED,
    },
    "nomic-ai/nomic-embed-vision-v1.5": _CROPPED,
}
NAMES = tuple(_PROCESSORS)
_FILES = {"jinaai/jina-clip-v1": "onnx/vision_model.onnx", "google/siglip2-base-patch16-224": "onnx/vision_model.onnx"}
_FILES |= {"nomic-ai/nomic-embed-vision-v1.5": "onnx/model.onnx"}


def assemble(name: str, folder: Path) -> Path:
    """Write a model into ``folder``."""
    file = folder / _FILES.get(name, "model.onnx")
    file.parent.mkdir(parents=True)
    file.write_bytes(_graph(name).SerializeToString())
    (folder / "preprocessor_config.json").write_text(json.dumps(_PROCESSORS[name]))
    (folder / "config.json").write_text(json.dumps({"model_type": "clip_vision_model"}))
    return folder


def write_pictures(folder: Path) -> list[str]:
    """Pictures of coloured squares: colour, transparent, grey, with a palette."""
    paths = []
    for number, (width, height, mode) in enumerate(((60, 40, "RGB"), (33, 90, "RGBA"), (20, 20, "L"), (100, 64, "P"))):
        squares = np.random.default_rng(number).integers(0, 255, (height // 4 + 1, width // 4 + 1, 4), dtype=np.uint8)
        pixels = np.kron(squares, np.ones((4, 4, 1), np.uint8))[:height, :width]
        path = folder / f"{number}.png"
        Image.fromarray(pixels, "RGBA").convert(mode).save(path)
        paths.append(str(path))
    return paths


def image(fastembed: ModuleType, name: str, root: Path) -> dict[str, NDArray[Any]]:
    """What a model of ``ImageEmbedding`` gives."""
    model = fastembed.ImageEmbedding(name, specific_model_path=str(assemble(name, root / "model")))
    paths = write_pictures(root)
    return {
        "paths": np.stack(list(model.embed(paths))),
        "images": np.stack(list(model.embed([Image.open(path) for path in paths], batch_size=2))),
        "one": next(iter(model.embed(Path(paths[1])))),
    }


def _graph(name: str) -> Any:
    """Means over squares of the pixels, times a matrix; of two tokens where the model gives tokens."""
    nomic = name.startswith("nomic")
    width = 2 * NOMIC if nomic else WIDTH
    shape: list[Any] = ["batch", 2, NOMIC] if nomic else ["batch", width]
    output = {"google/siglip2-base-patch16-224": "pooler_output"}.get(name, "output")
    nodes = [
        helper.make_node("AveragePool", ["pixel_values"], ["means"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("Reshape", ["means", "flat"], ["cells"]),
        helper.make_node("MatMul", ["cells", "matrix"], ["product"]),
        helper.make_node("Reshape", ["product", "shape"], [output]),
    ]
    matrix = np.random.default_rng(0).normal(size=(CELLS, width)).astype(np.float32)
    stored = {"flat": np.array([-1, CELLS]), "matrix": matrix, "shape": np.array([-1, *shape[1:]])}
    graph = helper.make_graph(
        nodes,
        "pictures",
        [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["batch", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(value, key) for key, value in stored.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
