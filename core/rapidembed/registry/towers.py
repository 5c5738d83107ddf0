"""Models of pictures, and of texts in the same space, from their own files.

Two towers may lie in one folder (CLIP, SigLIP): each facade reads its own. The files are transformers', alone or below
sentence-transformers' modules.json, of both generations: a module CLIPModel, or a Transformer with modalities.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rapidembed.errors import UnsupportedModelError
from rapidembed.registry.config_file import ConfigFile
from rapidembed.registry.discovery import SETTINGS_FILE, read_prompts
from rapidembed.registry.encoder_config import text_part
from rapidembed.registry.modules_file import MODULES_FILE, read_modules, unexpected
from rapidembed.registry.spec import ModelSpec, Pooling
from rapidembed.registry.transformer_module import read_max_tokens

_OWN: Pooling = ("none",)
_ENCODERS = ("CLIPModel", "Transformer")
"""Modules that hold such a model."""
_HIDDEN = "hidden_size"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tower:
    """Where a config says how wide a vector is, and what it is where the file is silent."""

    section: str = ""
    """Object of the config that holds the field; "": the config itself."""
    width: str = _HIDDEN
    default: int = 768
    pooling: Pooling = _OWN
    positions: int | None = None
    """Of texts, where the file is silent."""
    fills: bool = False
    """Whether texts are padded to all positions."""
    unit: bool = False
    """Whether vectors are scaled to length 1, whatever follows."""


_CLIP_TEXT = _Tower(width="projection_dim", default=512, positions=77)
_SIGLIP_TEXT = _Tower(width="projection_size", positions=64, fills=True)
_PICTURES = {
    "clip": _Tower(width="projection_dim", default=512),
    "clip_vision_model": _Tower(width="projection_dim", default=512),
    "dinov2": _Tower(pooling=("cls",)),
    "dinov2_with_registers": _Tower(pooling=("cls",)),
    "efficientnet_lite": _Tower(width="head_width", default=1280, unit=True),
    "siglip": _Tower(section="vision_config"),
    "siglip_vision_model": _Tower(),
    "vit": _Tower(pooling=("cls",)),
}
_TEXTS = {
    "clip": _CLIP_TEXT,
    "clip_text_model": _CLIP_TEXT,
    "siglip": _SIGLIP_TEXT,
    "siglip_text_model": _SIGLIP_TEXT,
}
_LOWERING = "Siglip2Tokenizer"
"""The class of tokenizers that lower every text first, whatever tokenizer.json says."""
_UNPROJECTED = ("CLIPVisionModel", "CLIPTextModel")
"""Classes that end before the shared space."""


def reads_texts(folder: Path) -> bool:
    """Whether ``folder`` holds a model whose texts lie in a space of pictures."""
    encoder = folder
    if (folder / MODULES_FILE).is_file():
        kind, path = next(iter(read_modules(folder)), ("", ""))
        if kind not in _ENCODERS:
            return False
        encoder = folder / path
    return ConfigFile.read_optional(encoder / "config.json").text("model_type", "") in _TEXTS


def discover_pictures(folder: Path, name: str) -> ModelSpec:
    """The spec of the model of pictures in ``folder``, a :data:`rapidembed.registry.task.Reader`."""
    from rapidembed.registry.image_processor import read_image_processor  # models of texts alone have none

    encoder, normalize = _encoder(folder, "image")
    config = ConfigFile.read(encoder / "config.json")
    kind, tower = _find(config, _PICTURES, "of pictures")
    return ModelSpec(
        name=name,
        dim=_width(config, tower),
        architecture=kind,
        head="picture",
        pooling=tower.pooling,
        normalize=normalize or tower.unit,
        picture=read_image_processor(encoder, kind),
        texts=name if kind in ("clip", "siglip") else None,
    )


def discover_texts(folder: Path, name: str) -> ModelSpec:
    """The spec of the encoder of texts in the space of pictures, a :data:`rapidembed.registry.task.Reader`."""
    encoder, normalize = _encoder(folder, "text")
    config = ConfigFile.read(encoder / "config.json")
    kind, tower = _find(config, _TEXTS, "of texts in a space of pictures")
    part = text_part(config)
    positions = part.optional_positive("max_position_embeddings") or tower.positions
    limit = read_max_tokens(encoder)
    names = ConfigFile.read_optional(encoder / "tokenizer_config.json")
    return ModelSpec(
        name=name,
        dim=_width(config, tower) if kind.startswith("clip") else _width(part, tower, part.optional_positive(_HIDDEN)),
        architecture=kind,
        pooling=tower.pooling,
        normalize=normalize,
        max_tokens=min(filter(None, (limit, positions)), default=None),
        fixed_tokens=positions if tower.fills else None,
        lower_case=names.values.get("tokenizer_class") == _LOWERING,
        **read_prompts(ConfigFile.read_optional(folder / SETTINGS_FILE)),
    )


def _encoder(folder: Path, modality: str) -> tuple[Path, bool]:
    """Folder of the files of transformers, and whether vectors are normalized."""
    if not (folder / MODULES_FILE).is_file():
        return folder, False
    modules = read_modules(folder)
    kinds = [kind for kind, _ in modules]
    if kinds[:1] not in ([kind] for kind in _ENCODERS) or kinds[1:] not in ([], ["Normalize"]):
        raise unexpected(folder, kinds, "the modules CLIPModel or Transformer, then Normalize or nothing")
    encoder = folder / modules[0][1]
    _check_modality(ConfigFile.read_optional(encoder / "sentence_bert_config.json"), modality)
    return encoder, kinds[-1] == "Normalize"


def _check_modality(file: ConfigFile, modality: str) -> None:
    """Refuse another vector than the model's own."""
    file.require(transformer_task="feature-extraction", module_output_name="sentence_embedding", processing_kwargs={})
    modalities = file.values.get("modality_config")
    if modalities is None:
        return
    asked: Any = modalities.get(modality) if isinstance(modalities, dict) else None
    method = asked.get("method") if isinstance(asked, dict) else None
    if method not in (f"get_{modality}_features", "forward") or asked.get("method_output_name") not in (
        "pooler_output",
        None,
    ):
        raise UnsupportedModelError(
            f"{file.path}: modality_config must have {modality!r} with get_{modality}_features and its pooler_output, "
            f"got {modalities!r}."
        )


def _find(config: ConfigFile, known: dict[str, _Tower], what: str) -> tuple[str, _Tower]:
    kind = config.text("model_type", "")
    if kind.startswith("siglip2"):
        raise UnsupportedModelError(
            f"{config.path}: model_type {kind!r} reads pictures of any shape (naflex), which is not supported; "
            "checkpoints with pictures of one size, such as google/siglip2-base-patch16-224, are."
        )
    if kind not in known:
        raise UnsupportedModelError(
            f"{config.path}: model_type {kind!r} is no model {what} that is known here; known: {', '.join(known)}."
        )
    return kind, known[kind]


def _width(config: ConfigFile, tower: _Tower, default: int | None = None) -> int:
    name = tower.width
    if set(config.names("architectures")).intersection(_UNPROJECTED):
        name = _HIDDEN
    part = config.section(tower.section) if tower.section else config
    return part.optional_positive(name) or default or tower.default
