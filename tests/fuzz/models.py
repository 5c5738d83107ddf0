"""Good models of every kind that a folder can hold, tiny, which the fuzzer then spoils."""

import io
import json
import pickle
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rapidembed
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from tests.fakes.wide import wide_checkpoint
from tests.golden import heads, hybrid, static_variants, variants, vision
from tests.golden.architectures import GROUPS

GOLDEN = Path(__file__).parents[1] / "golden"
TEXTS = ["", "the quick fox, jumps!", "hello world " * 40, "日本 caf\N{LATIN SMALL LETTER E WITH ACUTE}"]
PICTURE = np.arange(20 * 24 * 3, dtype=np.uint8).reshape(20, 24, 3)


@dataclass(frozen=True)
class Base:
    """A good model."""

    make: Callable[[Path], object]
    """Writes its folder."""
    facade: str = "TextEmbedding"

    def use(self, folder: Path) -> None:
        """Load it and compute something in every way."""
        with getattr(rapidembed, self.facade)(folder) as model:
            _CALLS[self.facade](model)


def _encode(model: Any) -> None:
    model.encode(TEXTS)
    model.encode_query(TEXTS[1])


def _rank(model: Any) -> None:
    model.rank(TEXTS[1], TEXTS)


def _pictures(model: Any) -> None:
    model.encode([PICTURE, PICTURE[:3]])


_CALLS: dict[str, Callable[[Any], None]] = {
    "TextEmbedding": _encode,
    "SparseTextEmbedding": _encode,
    "LateInteractionTextEmbedding": _encode,
    "HybridTextEmbedding": _encode,
    "TextCrossEncoder": _rank,
    "ImageEmbedding": _pictures,
}


def _copy(source: Path) -> Callable[[Path], object]:
    return lambda folder: shutil.copytree(source, folder)


def _saved(source: Path) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        shutil.copytree(source, folder)
        for file in ("model.safetensors", "tokenizer.json"):
            shutil.copy(variants.BASE / file, folder / file)

    return make


def _encoder(group: str, name: str) -> Callable[[Path], object]:
    return lambda folder: GROUPS[group].assemble(name, GROUPS[group].made[name], folder)


def _clip(folder: Path) -> None:
    vision.write_model("clip", folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(vision.PROCESSOR))
    vision.write_tokenizer(folder)


def _adapter(folder: Path) -> None:
    """A LoRA adapter beside its base."""
    shutil.copytree(GOLDEN / "folders" / "bert", folder)
    shape = load_file(folder / "model.safetensors")["encoder.layer.0.attention.self.query.weight"].shape
    name = "base_model.model.encoder.layer.0.attention.self.query.lora_"
    small = {
        f"{name}A.weight": np.ones((2, shape[1]), np.float32),
        f"{name}B.weight": np.ones((shape[0], 2), np.float32),
    }
    save_file(small, folder / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "bias": "none", "base_model_name_or_path": None}
    (folder / "adapter_config.json").write_text(json.dumps(config))


def _onnx(folder: Path) -> None:
    """An export whose numbers lie beside it."""
    from tests.fakes.onnx_models import VOCABULARY, WIDTH, write_hidden_states

    shutil.copytree(variants.BASE, folder)
    (folder / "model.safetensors").unlink()
    (folder / "onnx").mkdir()
    write_hidden_states(folder / "onnx" / "model.onnx", "data", 0, VOCABULARY * WIDTH * 4)
    table = np.arange(VOCABULARY * WIDTH, dtype=np.float32) % 7 - 3
    (folder / "onnx" / "data").write_bytes(table.tobytes())


def _torch(folder: Path) -> None:
    shutil.copytree(variants.BASE, folder)
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    write_torch(folder / "pytorch_model.bin", tensors)


def write_torch(path: Path, tensors: dict[str, NDArray[np.float32]]) -> None:
    """A file as torch.save writes it, of float32 tensors."""
    program = io.BytesIO()
    program.write(b"\x80\x02}")
    for i, (name, tensor) in enumerate(tensors.items()):
        strides = [stride // 4 for stride in np.ascontiguousarray(tensor).strides]
        program.write(_text(name) + b"ctorch._utils\n_rebuild_tensor_v2\n((" + _text("storage"))
        program.write(b"ctorch\nFloatStorage\n" + _text(str(i)) + _text("cpu") + _number(tensor.size) + b"tQK\0")
        for numbers in (tensor.shape, strides):
            program.write(b"(" + b"".join(map(_number, numbers)) + b"t")
        program.write(b"\x89ccollections\nOrderedDict\n)RtRs")
    program.write(b".")
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/data.pkl", program.getvalue())
        file.writestr("archive/byteorder", b"little")
        for i, tensor in enumerate(tensors.values()):
            file.writestr(f"archive/data/{i}", tensor.astype("<f4").tobytes())


def _text(value: str) -> bytes:
    return b"X" + len(value.encode()).to_bytes(4, "little") + value.encode()


def _number(value: int) -> bytes:
    return b"J" + int(value).to_bytes(4, "little", signed=True)


def _legacy(folder: Path) -> None:
    """The layers of a model in the file format of before torch 1.6."""
    hybrid.assemble(folder)
    system = pickle.dumps({"protocol_version": 1001, "little_endian": True, "type_sizes": {}}, 2)
    head = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19." + pickle.dumps(1001, 2) + system
    for layer in ("colbert_linear.pt", "sparse_linear.pt"):
        with zipfile.ZipFile(folder / layer) as file:
            names = file.namelist()
            program = file.read(next(name for name in names if name.endswith("data.pkl")))
            data = sorted((n.rpartition("/")[2], file.read(n)) for n in names if "/data/" in n)
        storages = b"".join((len(content) // 2).to_bytes(8, "little") + content for _, content in data)
        keys = pickle.dumps([key for key, _ in data], 2)
        (folder / layer).write_bytes(head + program + keys + storages)


def _bases() -> dict[str, Base]:
    found = {f"folder {path.name}": Base(_copy(path)) for path in sorted((GOLDEN / "folders").iterdir())}
    named = ("mean", "layout_5_full", "dense_twice_normalize", "vocabulary", "sharded", "encoder_folder", "prompts")
    found |= {n: Base(lambda folder, n=n: variants.assemble(variants.VARIANTS[n], folder)) for n in named}
    found |= {f"saved {n}": Base(_saved(GOLDEN / "saved" / n)) for n in ("5/0", "5/5", "6/1", "6/6")}
    found |= {f"{g} {n}": Base(_encoder(g, n)) for g, n in _ENCODERS}
    found |= {
        f"wide {g}": Base(lambda folder, g=g, n=n: wide_checkpoint(g, n, folder)) for g, n in _ENCODERS if g in _WIDE
    }
    found |= {
        f"reranker {n}": Base(
            lambda folder, n=n: heads.assemble_reranker(heads.RERANKERS[n], folder), "TextCrossEncoder"
        )
        for n in ("plain", "layout_6")
    }
    found |= {
        f"colbert {n}": Base(
            lambda folder, n=n: heads.assemble_colbert(heads.COLBERTS[n], folder), "LateInteractionTextEmbedding"
        )
        for n in ("fixed", "pylate", "authors")
    }
    found |= {
        f"splade {n}": Base(lambda folder, n=n: heads.assemble_splade(heads.SPLADES[n], folder), "SparseTextEmbedding")
        for n in ("splade", "looked_up")
    }
    static = static_variants
    found |= {
        f"static {n}": Base(lambda folder, n=n: static.assemble(static.VARIANTS[n], folder))
        for n in ("int8_normalized", "mapping", "module", "unigram")
    }
    return found | {
        "hybrid": Base(hybrid.assemble, "HybridTextEmbedding"),
        "hybrid legacy": Base(_legacy, "HybridTextEmbedding"),
        "clip": Base(_clip, "ImageEmbedding"),
        "clip texts": Base(_clip),
        "adapter": Base(_adapter),
        "onnx": Base(_onnx),
        "torch": Base(_torch),
    }


_ENCODERS = [
    (group, next(name for name, variant in GROUPS[group].variants.items() if variant.head == "tokens"))
    for group in GROUPS
]
_WIDE = ("bert", "modernbert", "nomic_bert", "gte")
"""Encoders that are made as wide as rapidembed-native needs them, too."""
BASES = _bases()
"""By name."""
