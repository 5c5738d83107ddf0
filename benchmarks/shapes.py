"""The models that are measured: all-MiniLM-L6-v2 with its real weights, others as random weights in the real shape.

Speed does not depend on what the weights are, so random ones serve; accuracy does, and is never reported of them. All
shapes read the tokenizer of all-MiniLM-L6-v2: a larger vocabulary than its ids changes no time.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.paths import WORK, model_folder

COLBERT_COLUMNS = 128
REAL = "minilm"
"""The shape whose weights are real."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A model: its class in transformers, and what of its published configuration differs from that class's default."""

    title: str
    kind: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    pooling: str = "cls"
    head: str | None = None
    """What is asked of it instead of a vector for each text: rerank, colbert or splade."""

    @property
    def random(self) -> bool:
        return bool(self.kind)


_SMALL = {"hidden_size": 384, "intermediate_size": 1536}
_MINI = _SMALL | {"num_hidden_layers": 6, "num_labels": 1}
_TOKENS = {"pad_token_id": 0, "cls_token_id": 101, "bos_token_id": 101, "sep_token_id": 102, "eos_token_id": 102}
SHAPES: dict[str, Shape] = {
    REAL: Shape("all-MiniLM-L6-v2"),
    "bge-small": Shape("bge-small-en-v1.5", "BertModel", _SMALL),
    "bge-base": Shape("bge-base-en-v1.5", "BertModel"),
    "modernbert-base": Shape("ModernBERT-base", "ModernBertModel", _TOKENS, pooling="mean"),
    "rerank": Shape("Reranker, MiniLM-L6 shape", "BertForSequenceClassification", _MINI, head="rerank"),
    "colbert": Shape("ColBERT, bert-base shape", "BertModel", head="colbert"),
    "splade": Shape("SPLADE, bert-base shape", "BertForMaskedLM", head="splade"),
}


def source(name: str) -> Path:
    """The folder of a shape, as sentence-transformers writes them: what everybody loads who reads safetensors."""
    return model_folder() if name == REAL else WORK / "shapes" / name


def configuration(name: str) -> dict[str, Any]:
    """config.json of a shape."""
    config: dict[str, Any] = json.loads((source(name) / "config.json").read_text(encoding="utf-8"))
    return config


def weights_mb(name: str) -> float:
    return (source(name) / "model.safetensors").stat().st_size / 1e6


def flops(config: dict[str, Any], tokens: Sequence[int]) -> float:
    """Floating point operations that texts of so many tokens need: real tokens, each text attending to itself only.

    A layer has four projections of H x H and, for each token, scores and sums over those that it attends to; BERT's
    feed-forward part is two products of H x I, ModernBERT's three, and two in three of its layers look only
    ``local_attention // 2`` tokens to each side.
    """
    layers, hidden, inner = (config[key] for key in ("num_hidden_layers", "hidden_size", "intermediate_size"))
    gated = config["model_type"] == "modernbert"
    linear = layers * (8 * hidden * hidden + (6 if gated else 4) * hidden * inner)
    every = (config.get("global_attn_every_n_layers") or 3) if gated else 1
    everywhere = len(range(0, layers, every))
    reach = (config.get("local_attention") or 128) // 2
    total = 0.0
    for count in tokens:
        pairs = everywhere * count * count + (layers - everywhere) * _pairs(count, reach)
        total += count * linear + 4 * hidden * pairs
    return total


def work(name: str, tokens: Sequence[int]) -> float:
    """The same of a shape with its head: of a reranker's last layer only the first token is read."""
    config, total = configuration(name), flops(configuration(name), tokens)
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    if SHAPES[name].head == "rerank":
        others = 4 * hidden * hidden + 4 * hidden * inner  # of a layer, without keys and values
        return total + sum(
            others + 2 * hidden * hidden - count * (others + 4 * hidden * (count - 1)) for count in tokens
        )
    columns = {"colbert": COLBERT_COLUMNS, "splade": hidden + config["vocab_size"]}.get(SHAPES[name].head or "", 0)
    return total + 2 * hidden * columns * sum(tokens)


def padded_bytes(name: str, texts: int, longest: int) -> float:
    """About what a batch needs at its peak when each text is padded to the longest, in ONNX Runtime on an export."""
    config = configuration(name)
    scores = config["num_attention_heads"] * longest**2
    states = longest * (2 * config["intermediate_size"] + 6 * config["hidden_size"])
    words = longest * config["vocab_size"] if SHAPES[name].head == "splade" else 0
    return 4.0 * texts * (3 * scores + states + 6 * words)


def _pairs(tokens: int, reach: int) -> int:
    """Pairs of tokens that are at most ``reach`` apart, each token with itself included."""
    reach = min(reach, tokens - 1)
    return tokens * (2 * reach + 1) - reach * (reach + 1)
