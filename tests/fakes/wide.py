"""The tiny golden encoders, as wide as rapidembed-native needs them: the same configs, names and rules for values."""

import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rapidembed.hub import Checkpoint
from rapidembed.registry import ModelSpec, SparseWeights

from tests.golden.architectures import GROUPS
from tests.golden.tiny import Recipe

_WIDTHS = ("hidden_size", "dim", "n_embd", "intermediate_size", "hidden_dim", "n_inner", "embedding_size", "head_dim")
_SMALLEST_WIDTH = 8
_VOCABULARY = 112
_NARROW = 4
"""Root of the width that the rules for values are made for."""


def widened(group: str, name: str) -> dict[str, Any]:
    """A variant's entry of the golden files, 8 times as wide (JinaBERT's 16 times)."""
    made = GROUPS[group].made[name]
    factor = 16 if group == "jina_bert" else 8
    config = {key: value * factor if key in _WIDTHS and value else value for key, value in made["config"].items()}
    return made | {
        "config": config,
        "tensors": {key: _widened(key, shape, factor) for key, shape in made["tensors"].items()},
    }


def wide_checkpoint(group: str, name: str, folder: Path, **changes: Any) -> Checkpoint:
    """A variant as wide as that, for the engine of its head."""
    files, variant = GROUPS[group], GROUPS[group].variants[name]
    made = widened(group, name)
    config = made["config"]
    width = next(config[key] for key in ("hidden_size", "dim", "n_embd") if key in config)
    labels = min(
        (s[0] for k, s in made["tensors"].items() if re.search(r"(classifier|out_proj).*weight", k)), default=1
    )
    dims = {"tokens": width, "mlm": _VOCABULARY, "classification": labels}
    values: dict[str, Any] = {
        "name": name,
        "architecture": config["model_type"],
        "head": variant.head,
        "dim": dims[variant.head],
        "sparse": SparseWeights() if variant.head == "mlm" else None,
        "tasks": {} if variant.task is None else {"some task": 5},
    }
    files = replace(files, recipe=replace(files.recipe, values=partial(_values, files.recipe)))
    folder = files.assemble(name, made, folder)
    return Checkpoint(ModelSpec(**(values | changes)), folder, ("model.safetensors",))


def _values(recipe: Recipe, name: str, shape: tuple[int, ...], norm: float) -> NDArray[np.float32]:
    """The variant's, in matrices smaller by as much as makes up for their width."""
    values = recipe.values(name, shape, norm)
    return values if len(shape) == 1 or _is_table(name) else values * np.float32(_NARROW / np.sqrt(shape[1]))


def _is_table(name: str) -> bool:
    return re.search(r"embeddings\.weight$|relative_attention_bias", name) is not None


def _widened(name: str, shape: list[int], factor: int) -> list[int]:
    if "relative_attention_bias" in name or name.endswith("position_ids"):
        return shape
    return [
        size * factor
        if size >= _SMALLEST_WIDTH and size != _VOCABULARY and not (_is_table(name) and axis == 0)
        else size
        for axis, size in enumerate(shape)
    ]
