"""Tiny encoders of many architectures: how a variant becomes a folder that transformers and rapidembed both load.

``bert_kin.py`` and ``later_encoders.py`` name the variants; ``make_architectures.py`` writes down the config and the
names of tensors that transformers gives each, and what it computes. Weights are not stored: they follow from the names.
"""

import json
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from tests.golden.variants import BASE, read, write_safetensors

VOCABULARY = 112
"""Of the tokenizer of ``base/``."""
HIDDEN = 2
"""How many tokens at the end of a text are hidden from the others in the results called "hidden"."""
Tensors = dict[str, list[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A model that differs from others of its group in what its graph must heed."""

    model: str
    """Class in transformers."""
    config: dict[str, Any] = field(default_factory=dict)
    """Arguments of its config."""
    published: dict[str, Any] = field(default_factory=dict)
    """Changes to config.json, see :func:`changed`: what the hub's files say in other words."""
    foreign: dict[str, Any] = field(default_factory=dict)
    """Such changes in words that transformers does not read: its results are those without them."""
    tokenizer: str = "bert"
    """Whose special tokens: "bert" or "roberta"."""
    pooling: str = "mean"
    renamed: tuple[tuple[str, str], ...] = ()
    """What published checkpoints call tensors: patterns and their replacements."""
    extra: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Tensors that published checkpoints have beside those needed."""
    stored: str = "F32"
    stretch: float | None = None
    """Factor of an NTK scaling of rotary positions that transformers does not know: it is given the angles."""
    second: bool = False
    """Whether a JinaBERT is of the second form."""
    task: int | None = None
    """Which of its adapters is used; transformers is given the matrices with it added. None: it has none."""
    lengths: tuple[int, ...]
    """Tokens of the rows that it is tried with."""
    same_as: str | None = None
    """The variant whose results this one must have too."""
    facade: bool = False
    """Whether results from texts are stored, beside those from token ids."""

    @property
    def head(self) -> str:
        """What its results are, in the words of :data:`rapidembed.names.HeadName`."""
        kinds = {"ForSequenceClassification": "classification", "ForMaskedLM": "mlm"}
        return next((head for kind, head in kinds.items() if self.model.endswith(kind)), "tokens")

    @property
    def hides_tokens(self) -> bool:
        """Whether late interaction may fill its queries with tokens that others do not see."""
        return not self.model.startswith("Deberta")


def family(model: str, config: dict[str, Any], **fixed: Any) -> Callable[..., Variant]:
    """Makes variants of a class, or of another one, changed by fields of :class:`Variant` and of the config."""
    own = {each.name for each in fields(Variant)} - {"config"}

    def make(model: str = model, **changes: Any) -> Variant:
        given = fixed | {name: value for name, value in changes.items() if name in own}
        changes = {name: value for name, value in changes.items() if name not in own}
        return Variant(model=model, config=config | changes, **given)

    return make


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How that is made which is not stored."""

    values: Callable[[str, tuple[int, ...], float], NDArray[np.float32]]
    """A tensor's values by its name and shape, and by what norms add to those that they multiply by."""
    row: Callable[[int], NDArray[np.int64]]
    """Token ids of a text of that length."""
    middle: Callable[[int], int]
    """How many tokens the first text of a pair has."""
    positions: int
    """The longest sequence of most variants."""
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Variants whose configs and results are stored together."""

    path: Path
    """Of the JSON file and of the safetensors file beside it, without their endings."""
    variants: dict[str, Variant]
    recipe: Recipe

    @property
    def made(self) -> dict[str, Any]:
        """Config and tensors of each variant, as committed."""
        content: dict[str, Any] = read(self.path.with_suffix(".json"))
        return content

    @property
    def results(self) -> dict[str, NDArray[np.float32]]:
        """What transformers computes: by the variant's name and the length of the row, "hidden" or "texts"."""
        return load_file(self.path.with_suffix(".safetensors"))

    def key(self, name: str, what: object) -> str:
        """Where a result stands; those of the variant called "base" from texts are the group's."""
        return "texts" if (name, what) == ("base", "texts") else f"{name}/{what}"

    def inputs(self, name: str, length: int, config: dict[str, Any]) -> dict[str, NDArray[np.int64]]:
        """What the model is given, (1, length) by name; scorers a pair, if they tell its texts apart."""
        variant = self.variants[name]
        apart = variant.head == "classification" and variant.tokenizer == "bert"
        apart = apart and (config.get("type_vocab_size") or 0) > 1
        second = np.arange(length) >= self.recipe.middle(length)
        return {"input_ids": self.recipe.row(length)[None], "token_type_ids": (second & apart).astype(np.int64)[None]}

    def assemble(self, name: str, made: dict[str, Any], folder: Path) -> Path:
        """Write a variant's model into ``folder``, for the facade of its head.

        Args:
            name: of the variant.
            made: its entry in the JSON file: "config" and "tensors".
            folder: where to; it is made.
        """
        variant, recipe = self.variants[name], self.recipe
        folder.mkdir(parents=True)
        config = changed(made["config"], variant.published)
        _write(folder / "config.json", config)
        write_tokenizer(variant.tokenizer, folder, recipe.positions)
        norm = 0 if config["model_type"] == "gemma3_text" else 1  # Gemma's norms add the 1
        tensors = {name: _values(recipe, name, tuple(shape), norm) for name, shape in made["tensors"].items()}
        for pattern, replacement in variant.renamed:
            tensors = {re.sub(pattern, replacement, name): tensor for name, tensor in tensors.items()}
        tensors |= {name: _values(recipe, name, shape, norm) for name, shape in variant.extra.items()}
        write_safetensors(folder / "model.safetensors", tensors, variant.stored)
        if variant.head == "tokens":
            width = next(config[field] for field in ("hidden_size", "dim", "n_embd") if field in config)
            write_modules(folder, ["Transformer", "Pooling"])
            _write(folder / "1_Pooling/config.json", {"embedding_dimension": width, "pooling_mode": variant.pooling})
        return folder


def changed(config: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A config with changes; None takes a field out."""
    return {name: value for name, value in (config | changes).items() if changes.get(name, 0) is not None}


def write_modules(folder: Path, kinds: list[str]) -> None:
    """modules.json, as sentence-transformers up to 5 wrote it."""
    entries = [
        {"idx": i, "name": str(i), "path": f"{i}_{kind}" if i else "", "type": f"sentence_transformers.models.{kind}"}
        for i, kind in enumerate(kinds)
    ]
    _write(folder / "modules.json", entries)


def _values(recipe: Recipe, name: str, shape: tuple[int, ...], norm: float) -> NDArray[Any]:
    if name.endswith("position_ids"):
        return np.arange(shape[-1], dtype=np.int64).reshape(shape)
    return recipe.values(name, shape, norm)


def seed(name: str) -> int:
    """Of a tensor's values, the same on every machine."""
    return zlib.crc32(name.encode())


def write_tokenizer(kind: str, folder: Path, limit: int) -> None:
    """The tokenizer of ``base/``, with the special tokens of the kind."""
    settings = read(BASE / "tokenizer_config.json") | {"model_max_length": limit}
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
