"""What is done to any file of a model, and to what files say of each other."""

import json
import os
import random
from pathlib import Path
from typing import Any

from tests.fuzz import values

_NEW = (
    "config.json", "modules.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "sentence_bert_config.json", "config_sentence_transformers.json", "adapter_config.json", "router_config.json",
    "preprocessor_config.json", "processor_config.json", "artifact.metadata", "model.safetensors.index.json",
    "tokenizer.json", "vocab.txt", "vocab.json", "merges.txt", "generation_config.json",
)  # fmt: skip
LARGE = 10_000_000
"""Bytes of a file that is a hole, made before."""


def files_of(folder: Path, *suffixes: str) -> list[Path]:
    """Those that are not links, and not huge."""
    found = (p for p in folder.rglob("*") if p.is_file() and not p.is_symlink() and p.stat().st_size < LARGE)
    return sorted(path for path in found if not suffixes or path.suffix in suffixes)


def change_json(folder: Path, outside: Path, choose: random.Random) -> str | None:
    """One to three values of a JSON file."""
    files = files_of(folder, ".json", ".metadata")
    if not files:
        return None
    path = choose.choice(files)
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    for _ in range(choose.choice([1, 1, 2, 3])):
        value = values.spoil(value, choose)
    path.write_bytes(values.dump(value))
    return f"values of {path.relative_to(folder)}"


def change_text(folder: Path, outside: Path, choose: random.Random) -> str | None:
    """The text of a JSON file or a vocabulary."""
    files = files_of(folder, ".json", ".metadata", ".txt")
    if not files:
        return None
    path = choose.choice(files)
    path.write_bytes(values.spoil_text(path.read_text(encoding="utf-8", errors="replace"), choose))
    return f"text of {path.relative_to(folder)}"


def add_file(folder: Path, outside: Path, choose: random.Random) -> str:
    """A file that the model does not need."""
    path = choose.choice(sorted(each for each in [folder, *folder.iterdir()] if each.is_dir())) / choose.choice(_NEW)
    made = values.spoil({"model_type": "bert", "a": [1, "b"], "weight_map": {"a": "b"}}, choose)
    path.write_bytes(values.dump(made))
    return f"a new {path.relative_to(folder)}"


def remove(folder: Path, outside: Path, choose: random.Random) -> str:
    """A file, or a folder's."""
    path = choose.choice(files_of(folder) or [folder / "x"])
    path.unlink(missing_ok=True)
    return f"no {path.relative_to(folder)}"


def not_a_file(folder: Path, outside: Path, choose: random.Random) -> str:
    """A folder, a pipe, a device, a circle of links or a huge hole where a file should be."""
    path = choose.choice(files_of(folder) or [folder / "x"])
    path.unlink(missing_ok=True)
    kind = choose.choice(["folder", "pipe", "device", "circle", "hole"])
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "hole":
        with path.open("wb") as file:
            file.truncate(choose.choice([1 << 20, 1 << 31]))
    else:
        path.symlink_to("/dev/zero" if kind == "device" else path.name)
    return f"a {kind} for {path.relative_to(folder)}"


def lead_out(folder: Path, outside: Path, choose: random.Random) -> str:
    """A link to the same file of another model, or to its folder."""
    path = choose.choice([each for each in sorted(folder.rglob("*")) if not each.is_symlink()] or [folder / "x"])
    there = outside / path.relative_to(folder)
    if path.exists():
        path.rename(path.with_name(f"moved-away-{choose.random()}"))
    path.symlink_to(there if choose.random() < 0.5 else os.path.relpath(there, path.parent))
    return f"a link out for {path.relative_to(folder)}"


def name_outside(folder: Path, outside: Path, choose: random.Random) -> str | None:
    """Where one file names another, a name that leads out."""
    way = choose.choice([str(outside), os.path.relpath(outside, folder), f"x/../../{outside.name}"])
    hub = choose.choice(["modules.json", "model.safetensors.index.json", "router_config.json", "adapter_config.json"])
    path = folder / hub
    if path.is_dir():
        return None
    if not path.is_file():
        path.write_text(json.dumps({"weight_map": {"a": f"{way}/model.safetensors"}}))
        (folder / "model.safetensors").unlink(missing_ok=True)
        return f"{hub} names {way}"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return None
    path.write_bytes(values.dump(_renamed(found, way, choose)))
    return f"{hub} names {way}"


def _renamed(value: Any, way: str, choose: random.Random) -> Any:
    if isinstance(value, dict):
        return {key: _renamed(each, way, choose) for key, each in value.items()}
    if isinstance(value, list):
        return [_renamed(each, way, choose) for each in value]
    return f"{way}/{value}" if isinstance(value, str) and "." not in value[:6] and choose.random() < 0.7 else value
