"""The tiny rerankers, late-interaction and sparse models behind ``heads.safetensors``.

Each adds to the committed base folder. ``make_heads.py`` assembles them for transformers, sentence-transformers and
fastembed, the tests for rapidembed.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from tests.golden.variants import BASE, filler, read, write_safetensors

PUNCTUATION = list("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
QUERY = "The lazy dog: hello, world?"
DOCUMENTS = [
    "",
    "a",
    "hello world",
    "The QUICK brown fox, jumps over 2 lazy dogs!",
    "Crème brûlée: naïve Straße, 日本語 ΟΔΟΣ \N{ROCKET}",
    "the dog " * 26,
    "hello world and the lazy fox " * 12,
]
PAIRS = [
    (QUERY, DOCUMENTS[3]),
    ("", ""),
    ("", "hello"),
    ("fox", ""),
    (DOCUMENTS[6], "the dog"),
    (DOCUMENTS[6], DOCUMENTS[5]),
    ("over the lazy dog " * 7, "hello world " * 16),
]
QUERIES = ["", "a", QUERY, "hello world and the lazy fox jumps over the quick brown dog"]

_TYPES = {
    "Transformer": "sentence_transformers.base.modules.transformer.Transformer",
    "Dense": "sentence_transformers.base.modules.dense.Dense",
    "Normalize": "sentence_transformers.base.modules.normalize.Normalize",
    "MultiVectorMask": "sentence_transformers.multi_vector_encoder.modules.multi_vector_mask.MultiVectorMask",
    "PylateDense": "pylate.models.Dense.Dense",
    "MLMTransformer": "sentence_transformers.sparse_encoder.models.MLMTransformer",
    "SpladePooling": "sentence_transformers.sparse_encoder.modules.splade_pooling.SpladePooling",
    "SparseStaticEmbedding": "sentence_transformers.sparse_encoder.models.SparseStaticEmbedding",
    "Router": "sentence_transformers.base.modules.router.Router",
}
_IDENTITY = "torch.nn.modules.linear.Identity"


@dataclass(frozen=True, kw_only=True)
class Reranker:
    """A BertForSequenceClassification."""

    labels: tuple[str, ...] = ("LABEL_0",)
    layout: int | None = None
    """Generation of sentence-transformers whose CrossEncoder files lie beside it; None: none do."""
    tokenizer: dict[str, Any] = field(default_factory=dict)
    """Changes to tokenizer_config.json."""
    stored: str = "F32"


@dataclass(frozen=True, kw_only=True)
class ColBert:
    """An encoder with a projection of every token."""

    layout: str = "sentence-transformers"
    transformer: dict[str, Any] = field(default_factory=dict)
    """Changes to sentence_bert_config.json."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Changes to config_sentence_transformers.json, or what stands in artifact.metadata."""
    skip: tuple[str, ...] = ()
    dense: tuple[tuple[int, int, str], ...] = ((32, 8, _IDENTITY),)
    """Widths and activation of each Dense module; none has a bias."""
    normalize: bool = True
    added: tuple[str, ...] = ()
    """Tokens added to the vocabulary."""
    renamed: dict[str, str] = field(default_factory=dict)
    """Tokens of the vocabulary that get another name."""
    width: int = 8
    """Of the projection in the layout of the ColBERT authors."""


@dataclass(frozen=True, kw_only=True)
class Splade:
    """A BertForMaskedLM whose logits are pooled."""

    layout: int | None = 6
    """Generation of sentence-transformers that the files look like; None: transformers' files alone."""
    pooling: str = "max"
    activation: str = "relu"
    tied: bool = True
    """Whether the words' embeddings are also the head's projection."""
    looked_up: bool = False
    """Whether queries do without the network."""
    stored: str = "F32"
    prompts: dict[str, str] = field(default_factory=dict)


_FIXED = {"strategy": "fixed", "attend": False, "token": None, "length": 12}
_PYLATE = {"model_type": "ColBERT", "query_prefix": "[Q] ", "document_prefix": "[D] ", "query_length": 12}
_UNUSED = {"topic": "[unused0]", "passage": "[unused1]"}

RERANKERS = {
    "plain": Reranker(),
    "layout_5": Reranker(layout=5),
    "layout_6": Reranker(layout=6),
    "token_limit": Reranker(tokenizer={"model_max_length": 15}),
    "keeps_end": Reranker(tokenizer={"truncation_side": "left", "model_max_length": 20}),
    "bf16": Reranker(stored="BF16"),
    "three_labels": Reranker(labels=("contradiction", "entailment", "neutral")),
}
COLBERTS = {
    "fixed": ColBert(
        transformer={"query_expansion": _FIXED, "document_length": 40},
        settings={"prompts": {"query": "query: ", "document": "passage: "}},
        skip=tuple(PUNCTUATION),
    ),
    "attended": ColBert(transformer={"query_expansion": _FIXED | {"attend": True, "token": "[SEP]"}}),
    "at_least": ColBert(transformer={"query_expansion": _FIXED | {"strategy": "min", "length": 10}}, skip=(".",)),
    "at_least_at_most": ColBert(
        transformer={"query_expansion": _FIXED | {"strategy": "min", "length": 10}, "query_length": 13}
    ),
    "not_expanded": ColBert(transformer={"query_length": 8}),
    "two_layers": ColBert(dense=((32, 24, "torch.nn.modules.activation.Tanh"), (24, 12, _IDENTITY))),
    "not_normalized": ColBert(dense=(), normalize=False),
    "pylate": ColBert(layout="pylate", settings=_PYLATE | {"document_length": 30}, added=("[Q] ", "[D] ")),
    "pylate_word": ColBert(
        layout="pylate",
        settings=_PYLATE
        | {"query_prefix": "[unused0] ", "document_prefix": "[unused1] ", "skiplist_words": ["the", "nosuchword"]}
        | {"attend_to_expansion_tokens": True},
        renamed=_UNUSED,
    ),
    "pylate_text": ColBert(layout="pylate", settings=_PYLATE | {"do_query_expansion": False}),
    "authors": ColBert(layout="authors", settings={"query_maxlen": 14, "doc_maxlen": 40, "dim": 8}, renamed=_UNUSED),
    "authors_defaults": ColBert(layout="authors", settings={"mask_punctuation": False}, renamed=_UNUSED),
}
SPLADES = {
    "splade": Splade(),
    "layout_5": Splade(layout=5),
    "alone": Splade(layout=None),
    "two_logs": Splade(activation="log1p_relu"),
    "sum": Splade(pooling="sum", activation="log1p_relu"),
    "untied": Splade(tied=False),
    "fp16": Splade(stored="F16"),
    "prompts": Splade(prompts={"query": "query: ", "document": "passage: "}),
    "looked_up": Splade(activation="log1p_relu", looked_up=True),
}


def assemble_reranker(model: Reranker, folder: Path) -> Path:
    """Write the model into ``folder``."""
    copytree(BASE, folder)
    for name in ("modules.json", "sentence_bert_config.json", "config_sentence_transformers.json"):
        (folder / name).unlink()
    names = {str(number): label for number, label in enumerate(model.labels)}
    config = {"architectures": ["BertForSequenceClassification"], "id2label": names}
    _update(folder / "config.json", config | {"label2id": {label: int(number) for number, label in names.items()}})
    _update(folder / "tokenizer_config.json", model.tokenizer)
    if model.layout == 5:
        activation = {"activation_fn": "torch.nn.modules.linear.Identity", "version": "5.1.0"}
        _update(folder / "config.json", {"sentence_transformers": activation})
    if model.layout == 6:
        _write_modules(folder, ["Transformer"])
        text = {"text": {"method": "forward", "method_output_name": "logits"}}
        task = {"transformer_task": "sequence-classification", "modality_config": text}
        _write(folder / "sentence_bert_config.json", task | {"module_output_name": "scores"})
        settings = {"activation_fn": "torch.nn.modules.activation.Sigmoid", "model_type": "CrossEncoder"}
        _write(folder / "config_sentence_transformers.json", settings | {"prompts": {}, "default_prompt_name": None})
    tensors = {f"bert.{name}": tensor for name, tensor in load_file(BASE / "model.safetensors").items()}
    count = len(model.labels)
    tensors |= {"classifier.weight": filler(count, 32), "classifier.bias": filler(count)}
    write_safetensors(folder / "model.safetensors", tensors, model.stored)
    return folder


def assemble_colbert(model: ColBert, folder: Path) -> Path:
    """Write the model into ``folder``."""
    copytree(BASE, folder)
    (folder / "modules.json").unlink()
    tensors = dict(load_file(folder / "model.safetensors"))
    if model.layout == "authors":
        for name in ("sentence_bert_config.json", "config_sentence_transformers.json"):
            (folder / name).unlink()
        (folder / "artifact.metadata").write_text(json.dumps(model.settings), encoding="utf-8")
        _update(folder / "config.json", {"architectures": ["HF_ColBERT"]})
        tensors = {f"bert.{name}": tensor for name, tensor in tensors.items()} | {
            "linear.weight": filler(model.width, 32)
        }
    else:
        _write_token_modules(folder, model)
        _update(folder / "sentence_bert_config.json", model.transformer)
        _update(folder / "config_sentence_transformers.json", {"model_type": "MultiVectorEncoder"} | model.settings)
    for old, new in model.renamed.items():
        _rename_token(folder, old, new)
    if model.added:
        words = "bert.embeddings.word_embeddings.weight" if model.layout == "authors" else ""
        words = words or "embeddings.word_embeddings.weight"
        tensors[words] = np.concatenate([tensors[words], filler(len(model.added), 32)])
        _add_tokens(folder, model.added, len(tensors[words]))
    write_safetensors(folder / "model.safetensors", tensors)
    return folder


def assemble_splade(model: Splade, folder: Path) -> Path:
    """Write the model into ``folder``."""
    copytree(BASE, folder)
    for name in ("modules.json", "sentence_bert_config.json"):
        (folder / name).unlink()
    _update(folder / "config.json", {"architectures": ["BertForMaskedLM"], "tie_word_embeddings": model.tied})
    settings = {"model_type": "SparseEncoder", "prompts": model.prompts, "similarity_fn_name": "dot"}
    _update(folder / "config_sentence_transformers.json", settings)
    tensors = {f"bert.{name}": tensor for name, tensor in load_file(BASE / "model.safetensors").items()}
    tensors = {name: tensor for name, tensor in tensors.items() if "pooler" not in name}
    words = len(tensors["bert.embeddings.word_embeddings.weight"])
    head = "cls.predictions."
    tensors |= {
        f"{head}bias": filler(words),
        f"{head}transform.dense.weight": filler(32, 32),
        f"{head}transform.dense.bias": filler(32),
        f"{head}transform.LayerNorm.weight": (filler(32) + 1) / 2,
        f"{head}transform.LayerNorm.bias": filler(32) / 2,
    }
    if not model.tied:
        tensors |= {f"{head}decoder.weight": filler(words, 32), f"{head}decoder.bias": filler(words)[::-1].copy()}
    write_safetensors(folder / "model.safetensors", tensors, model.stored)
    if model.layout is None:
        (folder / "config_sentence_transformers.json").unlink()
        return folder
    text = {"text": {"method": "forward", "method_output_name": "logits"}}
    task = {"transformer_task": "fill-mask", "modality_config": text, "module_output_name": "token_embeddings"}
    _write(folder / "sentence_bert_config.json", task if model.layout == 6 else {"max_seq_length": 64})
    pooling = {"pooling_strategy": model.pooling, "activation_function": model.activation, "embedding_dimension": None}
    if not model.looked_up:
        _write_modules(folder, ["MLMTransformer" if model.layout == 5 else "Transformer", "SpladePooling"])
        _write(folder / "1_SpladePooling" / "config.json", pooling)
    else:
        _write_router(folder, words)
        _write(folder / "document_1_SpladePooling" / "config.json", pooling)
    return folder


def _write_router(folder: Path, words: int) -> None:
    """Move the network to the documents' route, and give queries a table."""
    paths = ["document_0_MLMTransformer", "document_1_SpladePooling", "query_0_SparseStaticEmbedding"]
    (folder / paths[0]).mkdir()
    for file in ("config.json", "sentence_bert_config.json", "model.safetensors"):
        (folder / file).rename(folder / paths[0] / file)
    (folder / paths[2]).mkdir()
    for file in ("tokenizer.json", "tokenizer_config.json"):
        for path in (paths[0], paths[2]):
            (folder / path / file).write_bytes((folder / file).read_bytes())
        (folder / file).unlink()
    structure = {"query": paths[2:], "document": paths[:2]}
    types = {path: _TYPES[path.rpartition("_")[2]] for path in paths}
    _write(folder / "router_config.json", {"types": types, "structure": structure, "parameters": {}})
    _write_modules(folder, ["Router"])
    weights = np.abs(filler(words))
    weights[::5] = 0
    write_safetensors(folder / paths[2] / "model.safetensors", {"weight": weights})
    _write(folder / paths[2] / "config.json", {"frozen": True})


def _write_token_modules(folder: Path, model: ColBert) -> None:
    pylate = model.layout == "pylate"
    rest = [] if pylate else ["MultiVectorMask", *["Normalize"] * model.normalize]
    kinds = ["Transformer", *["PylateDense" if pylate else "Dense"] * len(model.dense), *rest]
    paths = _write_modules(folder, kinds)
    tokens = {"module_input_name": "token_embeddings", "module_output_name": "token_embeddings"}
    for path, (width_in, width_out, activation) in zip(paths[1:], model.dense, strict=False):
        shape = {"in_features": width_in, "out_features": width_out, "bias": False, "activation_function": activation}
        _write(folder / path / "config.json", shape | ({} if pylate else tokens))
        write_safetensors(folder / path / "model.safetensors", {"linear.weight": filler(width_out, width_in)})
    for path, kind in zip(paths, kinds, strict=True):
        if kind == "MultiVectorMask":
            mask = {"skiplist_words": list(model.skip), "skiplist_tasks": ["document"], "keep_only_token_ids": None}
            _write(folder / path / "config.json", mask)
        if kind == "Normalize":
            _write(folder / path / "config.json", tokens)


def _write_modules(folder: Path, kinds: list[str]) -> list[str]:
    """Write modules.json and return each module's folder."""
    paths = ["", *(f"{i}_{kind}" for i, kind in enumerate(kinds[1:], 1))]
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": _TYPES[kind]}
        for i, (kind, path) in enumerate(zip(kinds, paths, strict=True))
    ]
    _write(folder / "modules.json", modules)
    return paths


def _rename_token(folder: Path, old: str, new: str) -> None:
    tokenizer = read(folder / "tokenizer.json")
    vocab = tokenizer["model"]["vocab"]
    vocab[new] = vocab.pop(old)
    _write(folder / "tokenizer.json", tokenizer)


def _add_tokens(folder: Path, tokens: tuple[str, ...], size: int) -> None:
    tokenizer = read(folder / "tokenizer.json")
    first = size - len(tokens)
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    tokenizer["added_tokens"] += [{"id": first + i, "content": token} | flags for i, token in enumerate(tokens)]
    _write(folder / "tokenizer.json", tokenizer)
    _update(folder / "config.json", {"vocab_size": size})


def _write(path: Path, values: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _update(path: Path, changes: dict[str, Any]) -> None:
    _write(path, read(path) | changes)
