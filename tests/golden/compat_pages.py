"""Models of pages in fastembed's layout, with arithmetic in place of weights."""

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from tests.golden.compat_pictures import write_pictures
from tests.golden.pages import write_tokenizer

WIDTH, TABLE = 128, 512
SIDES = {"Qdrant/colmodernvbert": 16, "Qdrant/colpali-v1.3-fp16": 448}
"""Of a tile, or of a picture where none is cut."""
NAMES = tuple(SIDES)
TEXTS = ["what did rent cost?", "", "a table <image> of prices", "x" * 600]
_RESCALED = {"do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True, "do_resize": True}
_GREY = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "do_convert_rgb": True, **_RESCALED}
_PROCESSORS: dict[str, dict[str, Any]] = {
    "Qdrant/colmodernvbert": {
        "image_processor_type": "Idefics3ImageProcessor",
        "size": {"longest_edge": 48},
        "max_image_size": {"longest_edge": 16},
        "do_image_splitting": True,
        "resample": 1,
        **_GREY,
    },
    "Qdrant/colpali-v1.3-fp16": {
        "image_processor_type": "SiglipImageProcessor",
        "size": {"height": 448, "width": 448},
        "resample": 3,
        **_GREY,
    },
}


def assemble(name: str, folder: Path) -> Path:
    """Write a model into ``folder``."""
    folder.mkdir(parents=True)
    tiled = name == "Qdrant/colmodernvbert"
    file = folder / ("model_v2.onnx" if tiled else "model.onnx")
    file.write_bytes(_graph(SIDES[name], tiled=tiled).SerializeToString())
    (folder / "preprocessor_config.json").write_text(json.dumps(_PROCESSORS[name]))
    (folder / "processor_config.json").write_text(json.dumps({"image_seq_len": 4}))
    (folder / "model.onnx_data").write_bytes(b"")
    config = {"vision_config": {"image_size": SIDES[name]}, "pad_token_id": 0}
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "modernvbert" if tiled else "colpali"}))
    (folder / "special_tokens_map.json").write_text("{}")
    write_tokenizer(folder)
    return folder


def pages(fastembed: ModuleType, name: str, root: Path) -> dict[str, NDArray[Any]]:
    """What a model of ``LateInteractionMultimodalEmbedding`` gives; of long results every 40th row."""
    folder = str(assemble(name, root / "model"))
    model = fastembed.LateInteractionMultimodalEmbedding(name, specific_model_path=folder)
    paths = write_pictures(root)
    found = {f"text/{number}": vectors for number, vectors in enumerate(model.embed_text(TEXTS))}
    found |= {f"by two/{number}": vectors for number, vectors in enumerate(model.embed_text(iter(TEXTS), batch_size=2))}
    found |= {f"image/{number}": vectors for number, vectors in enumerate(model.embed_image(paths))}
    found |= {f"one/{kind}": next(iter(made)) for kind, made in _lone(model, paths)}
    sizes = {f"shape of {what}": np.array(vectors.shape) for what, vectors in found.items()}
    counts = [model.token_count(text, include_extension=extended) for text in TEXTS for extended in (False, True)]
    return {what: vectors[::40] for what, vectors in found.items()} | sizes | {"count": np.array(counts)}


def _lone(model: Any, paths: list[str]) -> list[tuple[str, Any]]:
    return [("text", model.embed_text(TEXTS[0])), ("image", model.embed_image(Path(paths[1])))]


def _graph(side: int, *, tiled: bool) -> Any:
    """Rows of a table, the mean of those that the mask shows, and means over the pixels of all tiles."""
    random = np.random.default_rng(0)
    tiles = ["tiles"] if tiled else []
    stored = {
        "table": random.normal(0, 0.2, (TABLE, WIDTH)).astype(np.float32),
        "matrix": random.normal(0, 0.05, (3 * side, WIDTH)).astype(np.float32),
        "size": np.array(TABLE),
        "one": np.array([1]),
        "two": np.array([2]),
        "flat": np.array([0, 3 * side]),
    }
    nodes = [
        helper.make_node("Mod", ["input_ids", "size"], ["known"]),
        helper.make_node("Gather", ["table", "known"], ["words"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "two"], ["seen"]),
        helper.make_node("Mul", ["words", "seen"], ["real"]),
        helper.make_node("ReduceSum", ["real", "one"], ["sum"], keepdims=1),
        helper.make_node("ReduceSum", ["seen", "one"], ["count"], keepdims=1),
        helper.make_node("Div", ["sum", "count"], ["mean"]),
        helper.make_node("ReduceMean", ["pixel_values"], ["lines"], axes=[4 if tiled else 3], keepdims=0),
        *([helper.make_node("ReduceSum", ["lines", "one"], ["all"], keepdims=0)] if tiled else []),
        helper.make_node("Reshape", ["all" if tiled else "lines", "flat"], ["row"]),
        helper.make_node("MatMul", ["row", "matrix"], ["picture"]),
        helper.make_node("Unsqueeze", ["picture", "one"], ["shown"]),
        helper.make_node("Add", ["words", "mean"], ["text"]),
        helper.make_node("Add", ["text", "shown"], ["embeddings"]),
    ]
    inputs = [
        helper.make_tensor_value_info(n, TensorProto.INT64, ["batch", "tokens"])
        for n in ("input_ids", "attention_mask")
    ]
    shape = ["pictures", *tiles, 3, side, side]
    inputs.append(helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, shape))
    output = helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["batch", "tokens", WIDTH])
    weights = [numpy_helper.from_array(value, key) for key, value in stored.items()]
    graph = helper.make_graph(nodes, "pages", inputs, [output], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
