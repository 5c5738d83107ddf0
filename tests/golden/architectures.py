"""Tiny encoders of many architectures: how a variant becomes a folder that transformers and rapidembed both load.

``architectures_1.py`` names the variants; ``make_architectures.py`` writes down the config and the tensor names that
transformers gives each, and what it computes. Weights are not stored: they follow from the tensors' names.
"""

import json
import re
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.golden.variants import BASE, read, write_safetensors

POSITIONS = 40
"""The longest sequence of most variants."""
LENGTHS = (1, 2, 3, 17, POSITIONS)
TEXTS = ["", "a", "hello world", "The QUICK brown fox, jumps over 2 lazy dogs!", "hello world and the lazy fox " * 12]
PAIRS = [("the lazy dog", TEXTS[3]), ("", ""), ("fox", ""), (TEXTS[4], "the dog"), (TEXTS[4], TEXTS[4])]
VOCABULARY = 112


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What makes a tiny model."""

    architecture: str
    """Class in transformers."""
    config: dict[str, Any] = field(default_factory=dict)
    """Fields of its configuration."""
    saved: dict[str, Any] = field(default_factory=dict)
    """Changes to config.json as transformers writes it; None takes a field away."""
    tokenizer: str = "bert"
    """Whose special tokens: "bert" or "roberta"."""
    renamed: tuple[tuple[str, str], ...] = ()
    """What published checkpoints call tensors: patterns and their replacements."""
    extra: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Tensors that published checkpoints have beside those needed."""
    stored: str = "F32"
    same_as: str | None = None
    """The variant whose results this one must have too; no others are stored for it."""
    lengths: tuple[int, ...] = LENGTHS
    """Tokens of the rows that it is tried with."""
    facade: bool = False
    """Whether results from texts are stored, beside those from token ids."""

    @property
    def hides_tokens(self) -> bool:
        """Whether late interaction may fill its queries with tokens that others do not see."""
        return not self.architecture.startswith("Deberta")

    @property
    def head(self) -> str:
        """As rapidembed calls it."""
        kinds = {"ForSequenceClassification": "classification", "ForMaskedLM": "mlm", "Model": "tokens"}
        return next(head for kind, head in kinds.items() if self.architecture.endswith(kind))


def assemble(variant: Variant, made: dict[str, Any], folder: Path) -> Path:
    """Write the variant's model into ``folder``, for the facade of its head.

    Args:
        variant: what to write.
        made: its entry in the JSON file: "config" and "tensors".
        folder: where to; it is made.
    """
    folder.mkdir()
    config = {name: value for name, value in (made["config"] | variant.saved).items() if value is not None}
    _write(folder / "config.json", config)
    write_tokenizer(variant.tokenizer, folder)
    tensors = {name: values(name, tuple(shape)) for name, shape in made["tensors"].items()}
    for pattern, replacement in variant.renamed:
        tensors = {re.sub(pattern, replacement, name): tensor for name, tensor in tensors.items()}
    tensors |= {name: values(name, shape) for name, shape in variant.extra.items()}
    write_safetensors(folder / "model.safetensors", tensors, variant.stored)
    if variant.head == "tokens":
        width = config.get("hidden_size") or config["dim"]
        write_modules(folder, ["Transformer", "Pooling"])
        _write(folder / "1_Pooling/config.json", {"word_embedding_dimension": width, "pooling_mode_mean_tokens": True})
    return folder


def write_modules(folder: Path, kinds: list[str]) -> None:
    """modules.json, as sentence-transformers up to 5 wrote it."""
    entries = [
        {"idx": i, "name": str(i), "path": f"{i}_{kind}" if i else "", "type": f"sentence_transformers.models.{kind}"}
        for i, kind in enumerate(kinds)
    ]
    _write(folder / "modules.json", entries)


def rows(variant: Variant) -> list[list[int]]:
    """Token ids, one row of each length; those of padding are among them."""
    ids = []
    for length in variant.lengths:
        row = np.random.PCG64(length).random_raw(length) % VOCABULARY
        ids.append(row.astype(int).tolist())
        if length > 8:
            ids[-1][5:8] = [0, 1, 1]
    return ids


def types(row: list[int]) -> list[int]:
    """Token types of a row read as a pair."""
    return [int(2 * position >= len(row)) for position in range(len(row))]


def values(name: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """A tensor's values, the same on every machine; norms scale by about one."""
    if name.endswith("position_ids"):
        return np.arange(shape[-1], dtype=np.int64).reshape(shape)
    raw = np.random.PCG64(zlib.crc32(name.encode())).random_raw(int(np.prod(shape)))
    spread = (raw >> np.uint64(40)).astype(np.float32) / np.float32(2**24) - np.float32(0.5)
    if len(shape) == 1:
        spread = spread / 2 + (1 if "norm" in name.lower() and name.endswith("weight") else 0)
    return spread.astype(np.float32).reshape(shape)


def write_tokenizer(kind: str, folder: Path) -> None:
    """The tokenizer of ``base/``, with the special tokens of the kind."""
    settings = read(BASE / "tokenizer_config.json") | {"model_max_length": POSITIONS}
    inputs = ["input_ids", "attention_mask", "token_type_ids"]
    tokenizer = read(BASE / "tokenizer.json")
    if kind == "roberta":
        names = {"[PAD]": "<s>", "[UNK]": "<pad>", "[CLS]": "</s>", "[SEP]": "<unk>", "[MASK]": "<mask>"}
        model = tokenizer["model"]
        model["vocab"] = {names.get(token, token): number for token, number in model["vocab"].items()}
        model["unk_token"] = "<unk>"
        for token in tokenizer["added_tokens"]:
            token["content"] = names[token["content"]]
        tokenizer["post_processor"] = _template(["<s>", "A", "</s>"], ["<s>", "A", "</s>", "</s>", "B", "</s>"])
        special = {"cls": "<s>", "bos": "<s>", "sep": "</s>", "eos": "</s>", "unk": "<unk>", "pad": "<pad>"}
        settings |= {f"{role}_token": token for role, token in special.items()} | {"mask_token": "<mask>"}
        inputs.remove("token_type_ids")
    # Not the class of the model: that one would put a tokenizer together anew.
    settings |= {"tokenizer_class": "PreTrainedTokenizerFast", "model_input_names": inputs}
    _write(folder / "tokenizer_config.json", settings)
    _write(folder / "tokenizer.json", tokenizer)


def _template(single: list[str], pair: list[str]) -> dict[str, Any]:
    def pieces(words: list[str]) -> list[dict[str, Any]]:
        return [{"Sequence" if word in "AB" else "SpecialToken": {"id": word, "type_id": 0}} for word in words]

    special = {"<s>": 0, "</s>": 2}
    tokens = {token: {"id": token, "ids": [number], "tokens": [token]} for token, number in special.items()}
    return {"type": "TemplateProcessing", "single": pieces(single), "pair": pieces(pair), "special_tokens": tokens}


def _write(path: Path, content: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
