"""A hybrid model's facts from its own files: BGE-M3, and what is tuned from it."""

from dataclasses import replace
from pathlib import Path

from rapidembed.errors import UnsupportedModelError
from rapidembed.registry.config_file import ConfigFile
from rapidembed.registry.discovery import discover
from rapidembed.registry.encoder import discover_encoder
from rapidembed.registry.modules_file import MODULES_FILE
from rapidembed.registry.spec import Hybrid, ModelSpec

LAYERS = ("colbert_linear", "sparse_linear")
SUFFIXES = (".pt", ".safetensors")


def find_layers(folder: Path) -> Hybrid | None:
    """The files of the two layers; None: the folder does not have both."""
    found = [next((file for file in _names(layer) if (folder / file).is_file()), None) for layer in LAYERS]
    return Hybrid(vectors=found[0], weights=found[1]) if found[0] and found[1] else None


def _names(layer: str) -> list[str]:
    return [layer + suffix for suffix in SUFFIXES]


def discover_hybrid(folder: Path, name: str) -> ModelSpec:
    """A :data:`rapidembed.registry.task.Reader`; vectors are those of BGE-M3: of the first token, of length 1."""
    layers = find_layers(folder)
    if layers is None:
        names = " and ".join(" or ".join(_names(layer)) for layer in LAYERS)
        raise UnsupportedModelError(f"{folder} has no {names}, which make its token weights and token vectors.")
    spec = discover_encoder(folder, name, "hybrid")
    config = ConfigFile.read(folder / "config.json")
    if (folder / MODULES_FILE).is_file():
        dense = discover(folder, name)
        if (dense.pooling, dense.normalize, dense.dense) != (("cls",), True, ()):
            raise UnsupportedModelError(
                f"{folder / MODULES_FILE}: expected the modules of BGE-M3, Pooling by cls, Normalize."
            )
        spec = replace(dense, head="hybrid")
    return replace(spec, pooling=("cls",), normalize=True, hybrid=layers, vocab_size=config.positive("vocab_size"))
