"""Tiny encoders of pictures and texts, whose vectors ``vision.safetensors`` holds, and how their weights are made."""

import json
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

FOLDER = Path(__file__).parent
VECTORS, DESCRIBED = FOLDER / "vision.safetensors", FOLDER / "vision.json"

_VISION = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 16,
    "patch_size": 4,
}
_TEXT = {
    "hidden_size": 24,
    "intermediate_size": 40,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "vocab_size": 60,
    "max_position_embeddings": 9,
}
_DINO = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "patch_size": 4, "mlp_ratio": 2}


@dataclass(frozen=True)
class Variant:
    model: str
    """Class in transformers."""
    config: dict[str, Any]
    size: tuple[int, int] = (16, 16)
    texts: bool = False
    """Whether it has an encoder of texts too."""
    pooling: tuple[str, ...] = ("none",)
    only: str = field(default="")
    """"texts" where it has no other."""


def _clip(**text: Any) -> dict[str, Any]:
    return {"vision_config": _VISION, "text_config": _TEXT | text, "projection_dim": 20}


VARIANTS = {
    "clip": Variant("CLIPModel", _clip(eos_token_id=59), texts=True),
    "clip early": Variant("CLIPModel", _clip(eos_token_id=2, hidden_act="gelu"), texts=True),
    "clip pictures": Variant("CLIPVisionModelWithProjection", _VISION | {"projection_dim": 20}),
    "clip texts": Variant(
        "CLIPTextModelWithProjection", _TEXT | {"projection_dim": 20, "eos_token_id": 59}, only="texts"
    ),
    "clip encoder": Variant("CLIPVisionModel", _VISION),
    "siglip": Variant(
        "SiglipModel", {"vision_config": _VISION, "text_config": _TEXT | {"projection_size": 32}}, texts=True
    ),
    "siglip pictures": Variant("SiglipVisionModel", _VISION),
    "vit": Variant("ViTModel", _VISION | {"patch_size": 8}, pooling=("cls",)),
    "vit mean": Variant("ViTModel", _VISION | {"qkv_bias": False}, pooling=("mean",)),
    "dinov2": Variant("Dinov2Model", _DINO | {"image_size": 16}, pooling=("cls",)),
    "dinov2 larger": Variant("Dinov2Model", _DINO | {"image_size": 16}, size=(28, 24), pooling=("cls",)),
    "dinov2 ragged": Variant("Dinov2Model", _DINO | {"image_size": 20}, size=(15, 18), pooling=("cls", "mean")),
    "dinov2 gated": Variant("Dinov2Model", _DINO | {"image_size": 16, "use_swiglu_ffn": True}, pooling=("cls",)),
    "dinov2 registers": Variant(
        "Dinov2WithRegistersModel", _DINO | {"image_size": 24, "num_register_tokens": 3}, pooling=("cls",)
    ),
}


def pixels(variant: Variant, count: int = 3) -> np.ndarray:
    return np.random.default_rng(5).standard_normal((count, 3, *variant.size)).astype(np.float32)


def ids(name: str, count: int = 3) -> np.ndarray:
    """Token ids that end as each model's tokenizer ends them; SigLIP's fill all positions."""
    drawn = np.random.default_rng(6).integers(3, 58, (count, 9 if name == "siglip" else 7))
    if name != "siglip":
        drawn[:, -1] = 59
        drawn[1, 4] = 59  # the first one counts
    return drawn.astype(np.int64)


PROCESSOR = {
    "image_processor_type": "CLIPImageProcessor",
    "size": {"shortest_edge": 16},
    "crop_size": {"height": 16, "width": 16},
}
"""Of tiny models that read whole pictures."""


def texts(name: str) -> list[str]:
    """Texts whose tokens are :func:`ids`, where :func:`write_tokenizer` wrote the tokenizer."""
    rows = ids(name)
    return [" ".join(f"w{number:02}" for number in row) for row in (rows if name == "siglip" else rows[:, :-1])]


def write_tokenizer(folder: Path, end: int | None = 59, pad: str = "w01") -> None:
    """A tokenizer whose words are their tokens' numbers, and which puts ``end`` behind each text."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    made = Tokenizer(models.WordLevel({f"w{number:02}": number for number in range(60)}, unk_token="w00"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    if end is not None:
        made.post_processor = processors.TemplateProcessing(
            single=f"$A w{end}", pair=f"$A w{end} $B w{end}", special_tokens=[(f"w{end}", end)]
        )
    made.save(str(folder / "tokenizer.json"))
    values = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 9, "pad_token": pad}
    (folder / "tokenizer_config.json").write_text(json.dumps(values), encoding="utf-8")


def weights(shapes: dict[str, list[int]]) -> dict[str, np.ndarray]:
    """Values for tensors of these names and shapes, large enough that every one of them matters."""
    return {name: _tensor(name, shape) for name, shape in shapes.items()}


def write_model(name: str, folder: Path) -> Path:
    """The model's own files."""
    described = json.loads(DESCRIBED.read_text())[name]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(described["config"]), encoding="utf-8")
    save_file(weights(described["tensors"]), folder / "model.safetensors", {"format": "pt"})
    return folder


def _tensor(name: str, shape: list[int]) -> np.ndarray:
    drawn = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape)
    is_scale = len(shape) == 1 and ("norm" in name or "lambda" in name) and not name.endswith("bias")
    if is_scale:
        values = 1 + 0.2 * drawn
    elif len(shape) == 1:
        values = 0.2 * drawn
    else:
        values = 1.2 * drawn / np.sqrt(np.prod(shape[1:]))
    return np.asarray(values, dtype=np.float32)
