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

REAL = "minilm"
"""The shape whose weights are real."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A model: its class in transformers, and what of its published configuration differs from that class's default."""

    title: str
    kind: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    pooling: str = "cls"

    @property
    def random(self) -> bool:
        return bool(self.kind)


_SMALL = {"hidden_size": 384, "intermediate_size": 1536}
_TOKENS = {"pad_token_id": 0, "cls_token_id": 101, "bos_token_id": 101, "sep_token_id": 102, "eos_token_id": 102}
SHAPES: dict[str, Shape] = {
    REAL: Shape("all-MiniLM-L6-v2"),
    "bge-small": Shape("bge-small-en-v1.5", "BertModel", _SMALL),
    "bge-base": Shape("bge-base-en-v1.5", "BertModel"),
    "modernbert-base": Shape("ModernBERT-base", "ModernBertModel", _TOKENS, pooling="mean"),
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


def _pairs(tokens: int, reach: int) -> int:
    """Pairs of tokens that are at most ``reach`` apart, each token with itself included."""
    reach = min(reach, tokens - 1)
    return tokens * (2 * reach + 1) - reach * (reach + 1)
