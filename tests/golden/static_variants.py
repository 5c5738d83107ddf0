"""The small static models behind ``static.json``; ``make_static.py`` assembles them for their authors' libraries."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

HERE = Path(__file__).parent
DIM = 24

TEXTS = [
    "",
    "a",
    "\N{SNOWMAN}",
    "hello world",
    "The QUICK brown fox, jumps over 2 lazy dogs! \N{SNOWMAN} hello",
    "Crème brûlée: naïve Straße, 日本語 ΟΔΟΣ \N{ROCKET}",
    "hello world and the lazy fox " * 12,
    "over the dog " * 700,
    "hello" + " " * 6000 + "world",
]


@dataclass(frozen=True, kw_only=True)
class Static:
    """One folder: who wrote it, and what is in it."""

    author: str = "model2vec"
    """Or "sentence-transformers", or "sentence-transformers-4" for the folders of before version 5."""
    tokenizer: str = "wordpiece"
    """Or "wordlevel" or "unigram"."""
    stored: str = "float32"
    mapping: bool = False
    weights: bool = False
    normalize: bool = False
    config: dict[str, Any] = field(default_factory=dict)
    truncation: dict[str, Any] | None = None
    """As it stands in tokenizer.json."""
    prompts: dict[str, str] = field(default_factory=dict)


VARIANTS = {
    "float32": Static(),
    "float64": Static(stored="float64"),
    "float16": Static(stored="float16"),
    "int8": Static(stored="int8"),
    "int8_normalized": Static(stored="int8", normalize=True),
    "normalized": Static(normalize=True),
    "weights": Static(weights=True, normalize=True),
    "mapping": Static(mapping=True),
    "mapping_weights_int8": Static(stored="int8", mapping=True, weights=True, normalize=True),
    "short": Static(config={"max_length": 5}),
    "unlimited": Static(config={"max_length": None}),
    "wordlevel": Static(tokenizer="wordlevel", normalize=True),
    "unigram": Static(tokenizer="unigram", normalize=True),
    "module": Static(author="sentence-transformers"),
    "module_normalized": Static(author="sentence-transformers", normalize=True, tokenizer="unigram"),
    "module_truncation": Static(
        author="sentence-transformers",
        truncation={"direction": "Right", "max_length": 7, "strategy": "LongestFirst", "stride": 0},
    ),
    "module_truncation_left": Static(
        author="sentence-transformers",
        truncation={"direction": "Left", "max_length": 7, "strategy": "LongestFirst", "stride": 0},
    ),
    "module_prompts": Static(author="sentence-transformers", prompts={"query": "quick fox: ", "document": "dog "}),
    "module_own_folder": Static(author="sentence-transformers-4", normalize=True),
}

_MODULES = {
    "model2vec": ("sentence_transformers.models.StaticEmbedding", "sentence_transformers.models.Normalize", "."),
    "sentence-transformers": (
        "sentence_transformers.sentence_transformer.modules.static_embedding.StaticEmbedding",
        "sentence_transformers.base.modules.normalize.Normalize",
        "",
    ),
    "sentence-transformers-4": (
        "sentence_transformers.models.StaticEmbedding",
        "sentence_transformers.models.Normalize",
        "0_StaticEmbedding",
    ),
}


def assemble(variant: Static, folder: Path) -> Path:
    """Write the variant's model into ``folder``."""
    module, normalize, path = _MODULES[variant.author]
    root = folder / path
    root.mkdir(parents=True)
    tokenizer = json.loads(_TOKENIZERS[variant.tokenizer]().to_str()) | {"truncation": variant.truncation}
    _write(root / "tokenizer.json", tokenizer)
    tokens = Tokenizer.from_file(str(root / "tokenizer.json")).get_vocab_size()
    save_file(_tensors(variant, tokens), root / "model.safetensors")
    modules = [{"idx": 0, "name": "0", "path": path, "type": module}]
    if variant.normalize:
        modules.append({"idx": 1, "name": "1", "path": "1_Normalize", "type": normalize})
        (folder / "1_Normalize").mkdir()
    _write(folder / "modules.json", modules)
    if variant.author == "model2vec":
        config = {"model_type": "model2vec", "architectures": ["StaticModel"], "normalize": variant.normalize}
        _write(folder / "config.json", config | {"seq_length": 1_000_000, "hidden_dim": DIM} | variant.config)
    if variant.prompts:
        _write(folder / "config_sentence_transformers.json", {"prompts": variant.prompts, "default_prompt_name": None})
    return folder


def _tensors(variant: Static, tokens: int) -> dict[str, NDArray[Any]]:
    random = np.random.default_rng(20261121)
    rows = 40 if variant.mapping else tokens
    table = random.standard_normal((rows, DIM))
    table = np.rint(table * 40).clip(-127, 127) if variant.stored == "int8" else table
    name = "embeddings" if variant.author == "model2vec" else "embedding.weight"
    tensors: dict[str, NDArray[Any]] = {name: table.astype(variant.stored)}
    if variant.mapping:
        tensors["mapping"] = random.integers(0, rows, tokens)
    if variant.weights:
        tensors["weights"] = random.uniform(0.1, 2, tokens)
    return tensors


def _wordpiece() -> Tokenizer:
    return Tokenizer.from_file(str(HERE / "base" / "tokenizer.json"))


def _wordlevel() -> Tokenizer:
    words = ["the", "hello", "world", "[UNK]", "dog", "fox", "quick", ",", "!"]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer


def _unigram() -> Tokenizer:
    pieces = ["<s>", "<unk>", "▁", "▁hello", "▁world", "▁the", "▁dog", "o", "x", "f", "▁qu", "ick", "h", "e", "l", "a"]
    tokenizer = Tokenizer(models.Unigram([(piece, -0.1 * i) for i, piece in enumerate(pieces)], unk_id=1))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    return tokenizer


_TOKENIZERS = {"wordpiece": _wordpiece, "wordlevel": _wordlevel, "unigram": _unigram}


def _write(path: Path, values: Any) -> None:
    path.write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
