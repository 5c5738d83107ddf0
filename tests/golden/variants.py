"""The tiny models behind ``golden.json``: one committed folder, and what each variant changes in a copy of it.

``make_golden.py`` assembles them for sentence-transformers, ``tests/core/test_golden.py`` for rapidembed.
"""

import json
import struct
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copytree, rmtree
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

HERE = Path(__file__).parent
BASE = HERE / "base"

# Tokens are [CLS] + words + [SEP]; the model has 64 positions.
TEXTS = [
    "",
    "a",
    "hello world",
    "The QUICK brown fox, jumps over 2 lazy dogs!",
    "Crème brûlée: naïve Straße, 日本語 ΟΔΟΣ \N{ROCKET}",
    "the dog " * 31,
    "hello world and the lazy fox " * 12,
]

_TYPES = {
    6: {
        "Transformer": "sentence_transformers.base.modules.transformer.Transformer",
        "Pooling": "sentence_transformers.sentence_transformer.modules.pooling.Pooling",
        "Dense": "sentence_transformers.base.modules.dense.Dense",
        "Normalize": "sentence_transformers.base.modules.normalize.Normalize",
    },
    5: {name: f"sentence_transformers.models.{name}" for name in ("Transformer", "Pooling", "Dense", "Normalize")},
}
_FLAGS = {  # sentence-transformers up to 5
    "cls": "pooling_mode_cls_token",
    "max": "pooling_mode_max_tokens",
    "mean": "pooling_mode_mean_tokens",
    "mean_sqrt_len_tokens": "pooling_mode_mean_sqrt_len_tokens",
    "weightedmean": "pooling_mode_weightedmean_tokens",
    "lasttoken": "pooling_mode_lasttoken",
}
_INPUT_OUTPUT = {"module_input_name": "sentence_embedding", "module_output_name": "sentence_embedding"}


@dataclass(frozen=True, kw_only=True)
class Dense:
    """A Dense module; its weights follow from its shape."""

    width_in: int
    width_out: int
    bias: bool = True
    activation: str = "torch.nn.modules.activation.Tanh"


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What differs from the base folder, which is mean pooling without Normalize."""

    pooling: tuple[str, ...] = ("mean",)
    dense: tuple[Dense, ...] = ()
    normalize: bool = False
    layout: int = 6
    """Generation of sentence-transformers that the JSON files look like."""
    config: dict[str, Any] = field(default_factory=dict)
    """Changes to config.json."""
    transformer: dict[str, Any] = field(default_factory=dict)
    """Changes to sentence_bert_config.json."""
    token_limit: int | None = None
    """The tokenizer's ``model_max_length``."""
    cased: bool = False
    """The tokenizer does not lower texts by itself."""
    prompts: dict[str, str] = field(default_factory=dict)
    default_prompt: str | None = None
    stored: str = "F32"
    """Type of the stored weights."""
    shards: int = 1
    """Files that the encoder's tensors are spread over."""
    include_prompt: bool = True
    vocabulary_only: bool = False
    """vocab.txt instead of tokenizer.json."""
    encoder_folder: str = ""
    """Folder of config.json, tokenizer and weights."""
    pretraining: bool = False
    """The names that BertForPreTraining of 2019 gave its tensors, and its extra tensors."""
    same_as: str | None = None
    """The variant whose vectors this one must have too."""


VARIANTS = {
    "mean": Variant(),
    "cls": Variant(pooling=("cls",)),
    "max": Variant(pooling=("max",)),
    "mean_sqrt_len_tokens": Variant(pooling=("mean_sqrt_len_tokens",)),
    "weightedmean": Variant(pooling=("weightedmean",)),
    "lasttoken": Variant(pooling=("lasttoken",)),
    "concatenation": Variant(pooling=("max", "cls")),
    "normalize": Variant(normalize=True),
    "dense_tanh": Variant(dense=(Dense(width_in=32, width_out=16),)),
    "dense_twice_normalize": Variant(
        pooling=("cls", "mean"),
        dense=(
            Dense(width_in=64, width_out=24),
            Dense(width_in=24, width_out=12, bias=False, activation="torch.nn.modules.linear.Identity"),
        ),
        normalize=True,
    ),
    "dense_gelu": Variant(dense=(Dense(width_in=32, width_out=32, activation="torch.nn.modules.activation.GELU"),)),
    "gelu_new": Variant(config={"hidden_act": "gelu_new"}),
    "relu": Variant(config={"hidden_act": "relu"}),
    "silu": Variant(config={"hidden_act": "silu"}),
    "type_vocab": Variant(config={"type_vocab_size": 5}),
    "layer_norm_eps": Variant(config={"layer_norm_eps": 1e-2}),
    "fp16": Variant(stored="F16"),
    "bf16": Variant(stored="BF16"),
    "pretraining": Variant(pretraining=True, same_as="mean"),
    "token_limit": Variant(token_limit=16, pooling=("lasttoken",)),
    "do_lower_case": Variant(transformer={"do_lower_case": True}, cased=True),
    "cased": Variant(cased=True),
    "prompts": Variant(prompts={"query": "query: ", "document": "passage: "}),
    "default_prompt": Variant(
        prompts={"query": "query: ", "document": "", "topic": "topic: "}, default_prompt="topic", normalize=True
    ),
    "default_prompt_only": Variant(prompts={"topic": "topic: "}, default_prompt="topic"),
    "passage_prompt": Variant(prompts={"query": "query: ", "passage": "passage: "}),
    **{
        f"without_prompt_{mode}": Variant(pooling=(mode,), include_prompt=False, prompts={"query": "the quick query: "})
        for mode in ("mean", "cls", "max", "weightedmean", "lasttoken", "mean_sqrt_len_tokens")
    },
    "without_prompt_5": Variant(
        layout=5,
        pooling=("mean", "weightedmean"),
        include_prompt=False,
        transformer={"max_seq_length": 20},
        prompts={"query": "query: ", "topic": "topic: "},
        default_prompt="topic",
    ),
    "sharded": Variant(shards=3, same_as="mean"),
    "sharded_bf16": Variant(shards=2, stored="BF16", same_as="bf16"),
    "vocabulary": Variant(vocabulary_only=True, same_as="mean"),
    "vocabulary_cased": Variant(vocabulary_only=True, cased=True, same_as="cased"),
    "encoder_folder": Variant(layout=5, encoder_folder="0_Transformer", same_as="mean"),
    "layout_5": Variant(layout=5, transformer={"max_seq_length": 64}, same_as="mean"),
    "layout_5_full": Variant(
        layout=5,
        pooling=("cls", "mean_sqrt_len_tokens"),
        dense=(Dense(width_in=64, width_out=20),),
        normalize=True,
        transformer={"max_seq_length": 12},
        prompts={"query": "query: "},
    ),
}


def assemble(variant: Variant, folder: Path) -> Path:
    """Write the variant's model into ``folder``."""
    copytree(BASE, folder)
    kinds = ["Transformer", "Pooling", *["Dense"] * len(variant.dense), *["Normalize"] * variant.normalize]
    paths = [variant.encoder_folder, *(f"{i}_{kind}" for i, kind in enumerate(kinds[1:], 1))]
    types = _TYPES[variant.layout]
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": types[kind]}
        for i, (kind, path) in enumerate(zip(kinds, paths, strict=True))
    ]
    _write(folder / "modules.json", modules)
    _write(folder / "1_Pooling/config.json", _pooling(variant))
    for path, layer in zip(paths[2:], variant.dense, strict=False):
        _write_dense(folder / path, layer, variant.layout)
    if variant.normalize and variant.layout == 6:
        _write(folder / paths[-1] / "config.json", _INPUT_OUTPUT)
    if variant.layout == 5:
        _write(folder / "sentence_bert_config.json", {"max_seq_length": 64, "do_lower_case": False})
    _update(folder / "sentence_bert_config.json", variant.transformer)
    _update(folder / "config.json", variant.config)
    _write_prompts(folder / "config_sentence_transformers.json", variant)
    _write_tokenizer(folder, variant)
    _write_weights(folder, variant)
    _move_encoder(folder, variant.encoder_folder)
    return folder


def _pooling(variant: Variant) -> dict[str, Any]:
    modes = variant.pooling
    if variant.layout == 6:
        mode = modes[0] if len(modes) == 1 else list(modes)
        return {"embedding_dimension": 32, "pooling_mode": mode, "include_prompt": variant.include_prompt}
    prompt = {} if variant.include_prompt else {"include_prompt": False}
    return {"word_embedding_dimension": 32} | prompt | {flag: mode in modes for mode, flag in _FLAGS.items()}


def _write_dense(folder: Path, layer: Dense, layout: int) -> None:
    shape = {"in_features": layer.width_in, "out_features": layer.width_out, "bias": layer.bias}
    names = _INPUT_OUTPUT if layout == 6 else {}
    _write(folder / "config.json", shape | {"activation_function": layer.activation} | names)
    tensors = {"linear.weight": filler(layer.width_out, layer.width_in)}
    if layer.bias:
        tensors["linear.bias"] = filler(layer.width_out)
    write_safetensors(folder / "model.safetensors", tensors)


def _write_prompts(path: Path, variant: Variant) -> None:
    # From 5 on both roles are always written, empty where they are not set; before, only what was set.
    roles = {"query": "", "document": ""} if variant.layout == 6 and variant.default_prompt is None else {}
    _update(path, {"prompts": roles | variant.prompts, "default_prompt_name": variant.default_prompt})


def _write_tokenizer(folder: Path, variant: Variant) -> None:
    if variant.token_limit:
        _update(folder / "tokenizer_config.json", {"model_max_length": variant.token_limit})
    if variant.cased:
        _update(folder / "tokenizer_config.json", {"do_lower_case": False})
        normalizer = read(folder / "tokenizer.json")["normalizer"]
        _update(folder / "tokenizer.json", {"normalizer": normalizer | {"lowercase": False}})
    if variant.vocabulary_only:
        ids = read(folder / "tokenizer.json")["model"]["vocab"]
        (folder / "vocab.txt").write_text("".join(f"{word}\n" for word in sorted(ids, key=ids.__getitem__)))
        (folder / "tokenizer.json").unlink()


def _write_weights(folder: Path, variant: Variant) -> None:
    path = folder / "model.safetensors"
    tensors = load_file(path)
    types = "embeddings.token_type_embeddings.weight"
    if variant.config.get("type_vocab_size", 2) != len(tensors[types]):
        tensors[types] = filler(variant.config["type_vocab_size"], 32)
    if variant.pretraining:
        older = ("LayerNorm.weight", "LayerNorm.gamma"), ("LayerNorm.bias", "LayerNorm.beta")
        tensors = {f"bert.{name.replace(*older[0]).replace(*older[1])}": tensor for name, tensor in tensors.items()}
        tensors |= {"cls.seq_relationship.weight": filler(2, 32), "cls.seq_relationship.bias": filler(2)}
        tensors["bert.embeddings.position_ids"] = np.arange(64, dtype=np.int64)[None]
        _update(folder / "config.json", {"architectures": ["BertForPreTraining"]})
    if variant.shards == 1:
        write_safetensors(path, tensors, variant.stored)
    else:
        _write_shards(folder, tensors, variant)


def _write_shards(folder: Path, tensors: dict[str, NDArray[Any]], variant: Variant) -> None:
    count = variant.shards
    names = [f"model-{i + 1:05}-of-{count:05}.safetensors" for i in range(count)]
    for i, name in enumerate(names):
        write_safetensors(folder / name, dict(list(tensors.items())[i::count]), variant.stored)
    weight_map = {tensor: names[i % count] for i, tensor in enumerate(tensors)}
    size = sum(tensor.nbytes for tensor in tensors.values())
    _write(folder / "model.safetensors.index.json", {"metadata": {"total_size": size}, "weight_map": weight_map})
    (folder / "model.safetensors").unlink()


def _move_encoder(folder: Path, encoder: str) -> None:
    stays = ("modules.json", "config_sentence_transformers.json")
    if encoder:
        (folder / encoder).mkdir()
        for path in [path for path in folder.iterdir() if path.is_file() and path.name not in stays]:
            path.rename(folder / encoder / path.name)


def filler(*shape: int) -> NDArray[np.float32]:
    """Some values between -0.5 and 0.5, the same on every machine."""
    steps = np.arange(np.prod(shape), dtype=np.int64) * 7919 + 101
    return ((steps % 1009) / np.float32(1009) - np.float32(0.5)).astype(np.float32).reshape(shape)


def write_safetensors(path: Path, tensors: dict[str, NDArray[Any]], stored: str = "F32") -> None:
    """A safetensors file; floats are stored as ``stored``, which numpy's own writer cannot do for BF16."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data = b""
    for name, tensor in tensors.items():
        kind = stored if tensor.dtype == np.float32 else "I64"
        begin = len(data)
        if kind == "BF16":  # the upper half of a float32
            data += (tensor.view(np.uint32) >> 16).astype("<u2").tobytes()
        else:
            data += tensor.astype({"F32": "<f4", "F16": "<f2", "I64": "<i8"}[kind]).tobytes()
        header[name] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": [begin, len(data)]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def read(path: Path) -> Any:
    """The content of a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def _write(path: Path, values: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _update(path: Path, changes: dict[str, Any]) -> None:
    _write(path, read(path) | changes)


def remove(folder: Path) -> None:
    """Delete a folder, if it is there."""
    if folder.exists():
        rmtree(folder)
