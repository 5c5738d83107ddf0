"""A model's facts from its own files, as sentence-transformers writes them.

Two generations of the format are read: up to version 5 (``pooling_mode_*`` flags, ``max_seq_length``) and from 6 on
(``pooling_mode``, ``embedding_dimension``, moved module paths). A module or value that is not known is refused by name.
"""

import json
from pathlib import Path
from typing import Any

from rapidembed.errors import IntegrityError, UnsupportedModelError
from rapidembed.registry.spec import DenseLayer, ModelSpec
from rapidembed.types import POOLING_MODES, PoolingMode

MODULES_FILE = "modules.json"
WEIGHTS_FILE = "model.safetensors"

# In the order in which sentence-transformers concatenates them.
_LEGACY_POOLING: tuple[tuple[str, PoolingMode], ...] = (
    ("pooling_mode_cls_token", "cls"),
    ("pooling_mode_max_tokens", "max"),
    ("pooling_mode_mean_tokens", "mean"),
    ("pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens"),
    ("pooling_mode_weightedmean_tokens", "weightedmean"),
    ("pooling_mode_lasttoken", "lasttoken"),
)
# transformers writes 1e30 for "no limit".
_NO_LIMIT = 1_000_000_000


def discover(folder: Path, name: str) -> ModelSpec:
    """Read the spec of the sentence-transformers model in ``folder``.

    Raises:
        UnsupportedModelError: a file that decides the vectors is missing, or says something unknown.
        IntegrityError: a file is not valid JSON, or contradicts another.

    """
    config = _read(folder / "config.json")
    modules = _modules(folder)
    kinds = [kind for kind, _ in modules]
    if kinds[:2] != ["Transformer", "Pooling"] or any(kind not in ("Dense", "Normalize") for kind in kinds[2:]):
        raise UnsupportedModelError(
            f"{folder / MODULES_FILE}: expected the modules Transformer, Pooling, then any of Dense and Normalize; "
            f"found {', '.join(kinds)}."
        )
    if "Normalize" in kinds[:-1]:
        raise UnsupportedModelError(f"{folder / MODULES_FILE}: Normalize is supported as the last module only.")
    pooling, dim = _pooling(folder / modules[1][1] / "config.json", config)
    dense = tuple(_dense(folder, path) for kind, path in modules[2:] if kind == "Dense")
    for layer in dense:
        if layer.in_features != dim:
            raise IntegrityError(f"{folder / layer.path}: takes {layer.in_features} values, but gets {dim}.")
        dim = layer.out_features
    transformer = _read_optional(folder / modules[0][1] / "sentence_bert_config.json")
    prompts, default_prompt = _prompts(folder / "config_sentence_transformers.json")
    return ModelSpec(
        name=name,
        dim=dim,
        architecture=str(config.get("model_type", "unknown")),
        pooling=pooling,
        normalize=kinds[-1] == "Normalize",
        max_tokens=_max_tokens(folder, transformer, config),
        dense=dense,
        lower_case=bool(transformer.get("do_lower_case", False)),
        prompts=prompts,
        default_prompt=default_prompt,
    )


def _modules(folder: Path) -> list[tuple[str, str]]:
    path = folder / MODULES_FILE
    if not path.is_file():
        raise UnsupportedModelError(
            f"{folder} has no {MODULES_FILE}, so its pooling is not declared. Save the model with "
            "sentence-transformers, which writes that file."
        )
    modules = json.loads(path.read_text(encoding="utf-8"))
    return [(str(module["type"]).rpartition(".")[2], str(module["path"])) for module in modules]


def _pooling(path: Path, config: dict[str, Any]) -> tuple[tuple[PoolingMode, ...], int]:
    values = _read(path)
    if values.get("include_prompt", True) is not True:
        raise UnsupportedModelError(
            f"{path}: include_prompt=false (prompt tokens left out of pooling) is not supported."
        )
    modes = values.get("pooling_mode")
    if modes is None:
        modes = [mode for flag, mode in _LEGACY_POOLING if values.get(flag)] or ["mean"]
    modes = [modes] if isinstance(modes, str) else list(modes)
    for mode in modes:
        if mode not in POOLING_MODES or mode == "none":
            raise UnsupportedModelError(f"{path}: pooling mode {mode!r} is unknown.")
    width = values.get("embedding_dimension", values.get("word_embedding_dimension", config.get("hidden_size")))
    if not isinstance(width, int) or width < 1:
        raise IntegrityError(f"{path}: expected a positive embedding_dimension, got {width!r}.")
    return tuple(modes), width * len(modes)


def _dense(folder: Path, module: str) -> DenseLayer:
    values = _read(folder / module / "config.json")
    activation = str(values.get("activation_function", "torch.nn.modules.activation.Tanh")).rpartition(".")[2]
    return DenseLayer(
        path=module,
        in_features=int(values["in_features"]),
        out_features=int(values["out_features"]),
        bias=bool(values.get("bias", True)),
        activation=activation,
    )


def _prompts(path: Path) -> tuple[dict[str, str], str | None]:
    values = _read_optional(path)
    prompts = {str(role): str(text) for role, text in (values.get("prompts") or {}).items() if text}
    default = values.get("default_prompt_name")
    if default is not None and default not in (values.get("prompts") or {}):
        raise IntegrityError(f"{path}: default_prompt_name is {default!r}, which is not among its prompts.")
    return prompts, default if default in prompts else None


def _max_tokens(folder: Path, transformer: dict[str, Any], config: dict[str, Any]) -> int | None:
    """sentence-transformers' own limit, else the tokenizer's, never beyond the model's positions."""
    tokenizer = _read_optional(folder / "tokenizer_config.json")
    for limit in (transformer.get("max_seq_length"), tokenizer.get("model_max_length")):
        if limit is None or (isinstance(limit, int | float) and limit > _NO_LIMIT):
            continue
        if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
            raise UnsupportedModelError(f"{folder}: the token limit must be a positive integer, got {limit!r}.")
        positions = config.get("max_position_embeddings")
        return min(limit, positions) if isinstance(positions, int) else limit
    return None


def _read(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UnsupportedModelError(f"{path.parent} has no {path.name}, which the model needs.") from error
    except ValueError as error:
        raise IntegrityError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(values, dict):
        raise IntegrityError(f"{path}: expected a JSON object, got {type(values).__name__}.")
    return values


def _read_optional(path: Path) -> dict[str, Any]:
    return _read(path) if path.is_file() else {}
