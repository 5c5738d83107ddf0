"""LoRA adapters in peft's format: their vectors are those of the model that they were merged into by hand."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rapidembed import IntegrityError, TextEmbedding, UnsupportedModelError
from safetensors.numpy import load_file, save_file

BASE = Path(__file__).parents[1] / "golden" / "folders" / "bert"
TEXTS = ["the dog", "quick fox jumps", ""]
TARGETS = ("encoder.layer.0.attention.self.query", "encoder.layer.1.output.dense")
RANK, ALPHA = 2, 6


def adapter(path: Path, *, beside: bool = False, base: str | None = None, **config: Any) -> Path:
    """A folder with an adapter, and with all that sentence-transformers saves, but for the base's own files."""
    folder = Path(shutil.copytree(BASE, path / "adapter"))
    if not beside:
        (folder / "model.safetensors").unlink()
        (folder / "config.json").unlink()
    draw = np.random.default_rng(1)
    tensors = {}
    for name in TARGETS:
        out, into = load_file(BASE / "model.safetensors")[f"{name}.weight"].shape
        tensors[f"base_model.model.{name}.lora_A.weight"] = draw.normal(size=(RANK, into)).astype(np.float32)
        tensors[f"base_model.model.{name}.lora_B.weight"] = draw.normal(size=(out, RANK)).astype(np.float32)
    save_file(tensors, folder / "adapter_model.safetensors")
    whole = {"peft_type": "LORA", "r": RANK, "lora_alpha": ALPHA, "bias": "none", "fan_in_fan_out": False}
    whole |= {"base_model_name_or_path": base, "target_modules": ["query"], "use_dora": False, "modules_to_save": None}
    (folder / "adapter_config.json").write_text(json.dumps(whole | config))
    return folder


def merged(path: Path, folder: Path, scale: float) -> Path:
    """The base with the adapter added to its weights."""
    target = Path(shutil.copytree(BASE, path / "merged"))
    tensors, small = load_file(BASE / "model.safetensors"), load_file(folder / "adapter_model.safetensors")
    for name in TARGETS:
        down, up = (small[f"base_model.model.{name}.lora_{part}.weight"] for part in "AB")
        tensors[f"{name}.weight"] = tensors[f"{name}.weight"] + np.float32(scale) * (up @ down)
    save_file(tensors, target / "model.safetensors")
    return target


@pytest.mark.parametrize("rslora", [False, True])
@pytest.mark.parametrize("place", ["absolute", "relative", "beside"])
def test_an_adapter_is_merged(tmp_path: Path, place: str, rslora: bool) -> None:
    base = {"absolute": str(BASE), "relative": "../base", "beside": None}[place]
    if place == "relative":
        shutil.copytree(BASE, tmp_path / "base")
    folder = adapter(tmp_path, beside=place == "beside", base=base, use_rslora=rslora)
    expected = TextEmbedding(merged(tmp_path, folder, ALPHA / (RANK**0.5 if rslora else RANK)))
    plain = TextEmbedding(BASE)
    with TextEmbedding(folder) as model:
        np.testing.assert_allclose(model.encode(TEXTS), expected.encode(TEXTS), atol=1e-5)
        assert np.abs(model.encode(TEXTS) - plain.encode(TEXTS)).max() > 0.01
        assert model.fingerprint not in (plain.fingerprint, expected.fingerprint)


def test_integers_are_made_of_the_merged_weights(tmp_path: Path) -> None:
    folder = adapter(tmp_path, base=str(BASE))
    expected = TextEmbedding(merged(tmp_path, folder, ALPHA / RANK), precision="int8")
    found = TextEmbedding(folder, precision="int8").encode(TEXTS)
    np.testing.assert_allclose(found, expected.encode(TEXTS), atol=1e-4)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"peft_type": "IA3"}, "peft_type='IA3'"),
        ({"use_dora": True}, "use_dora=True"),
        ({"bias": "all"}, "bias='all'"),
        ({"modules_to_save": ["pooler"]}, r"modules_to_save=\['pooler'\]"),
        ({"rank_pattern": {"query": 4}}, "rank_pattern"),
        ({"a_key_of_tomorrow": 1}, "a_key_of_tomorrow=1"),
        (
            {"base_model_name_or_path": "somebody/something"},
            "'somebody/something', which is no folder .* Merge it once",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_other_adapters_are_refused_by_name(tmp_path: Path, config: dict[str, Any], message: str) -> None:
    folder = adapter(tmp_path, **{"base": str(BASE)} | {"base_model_name_or_path": str(BASE)} | config)
    with pytest.raises(UnsupportedModelError, match=rf"adapter_config\.json.*{message}"):
        TextEmbedding(folder)


def test_tensors_that_fit_nothing_are_named(tmp_path: Path) -> None:
    path = adapter(tmp_path, base=str(BASE)) / "adapter_model.safetensors"
    tensors = load_file(path)
    save_file(tensors | {"base_model.model.encoder.lora_magnitude_vector": np.ones(2, np.float32)}, path)
    with pytest.raises(UnsupportedModelError, match="lora_magnitude_vector' is no part of a simple LoRA"):
        TextEmbedding(path.parent)
    save_file({name.replace("layer.1", "layer.7"): tensor for name, tensor in tensors.items()}, path)
    with pytest.raises(IntegrityError, match=r"encoder\.layer\.7\.output\.dense\.weight', of which the weights hold 0"):
        TextEmbedding(path.parent)
