"""LoRA adapters (https://arxiv.org/abs/2106.09685) as peft saves them: beside the tokenizer, in place of weights."""

import math
from dataclasses import dataclass
from pathlib import Path

from rapidembed.errors import UnsupportedModelError
from rapidembed.registry import folder_keys
from rapidembed.registry.config_file import ConfigFile

ADAPTER_FILE = "adapter_config.json"
ADAPTER_WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")
"""The first that is there counts."""
_MERGE = "Merge it once where peft is installed: model.merge_and_unload().save_pretrained(FOLDER)."


@dataclass(frozen=True, slots=True)
class Adapter:
    """What is added to some matrices of a model, as the product of two small ones."""

    base: Path
    """Folder with config.json and weights of the model that it is for."""
    weights: Path
    """File of the small matrices."""
    scale: float
    """Factor of their product."""


def read_adapter(folder: Path) -> Adapter | None:
    """The adapter in ``folder``; None: it has none.

    Raises:
        UnsupportedModelError: it is of another kind, or the model that it is for is not on this machine.
        IntegrityError: a file is damaged, or holds a value of a wrong type.
    """
    path = folder / ADAPTER_FILE
    if not path.is_file():
        return None
    file = ConfigFile.read(path)
    folder_keys.check(file, folder_keys.ADAPTER)
    file.require(peft_type="LORA", bias="none", fan_in_fan_out=False)
    weights = next((folder / name for name in ADAPTER_WEIGHTS if (folder / name).is_file()), None)
    if weights is None:
        raise UnsupportedModelError(f"{folder} has {ADAPTER_FILE}, but no {ADAPTER_WEIGHTS[0]}, which holds it.")
    rank = file.positive("r")
    scale = file.number("lora_alpha", 8.0) / (math.sqrt(rank) if file.flag("use_rslora", False) else rank)
    return Adapter(_base(folder, file), weights, scale)


def _base(folder: Path, file: ConfigFile) -> Path:
    name = file.values.get("base_model_name_or_path")
    if not name:
        return folder
    if isinstance(name, str):
        for place in (Path(name).expanduser(), folder / name):
            if (place / "config.json").is_file():
                return place.resolve()
    raise UnsupportedModelError(
        f"{file.path} is an adapter of {name!r}, which is no folder on this machine with a config.json. {_MERGE}"
    )
