"""Encoders out of the tensors of published checkpoints: BERT and those that keep its order.

What tells them apart is data: names of fields and tensors, and where positions begin.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rapidembed_native.library import Precision
from rapidembed_native.model import Description, LayerWeights, Norm
from rapidembed_native.packing import Activation, Packed, Part, pack, zero_of

Tensors = Mapping[str, NDArray[Any]]
Reader = Callable[[str], NDArray[Any]]

_ACTIVATIONS = {
    "gelu": Activation.GELU,
    "gelu_new": Activation.GELU_TANH,
    "gelu_pytorch_tanh": Activation.GELU_TANH,
    "relu": Activation.RELU,
    "silu": Activation.SILU,
}
_WORDS = "embeddings.word_embeddings.weight"


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """The names of one architecture; the defaults are BERT's."""

    prefix: str = "bert."
    layer: str = "encoder.layer.{}."
    query: str = "attention.self.query"
    key: str = "attention.self.key"
    value: str = "attention.self.value"
    out: str = "attention.output.dense"
    middle: str = "attention.output.LayerNorm"
    up: str = "intermediate.dense"
    down: str = "output.dense"
    last: str = "output.LayerNorm"
    fields: Mapping[str, str] = field(default_factory=dict)
    counts_from_padding: bool = False


FAMILIES = {
    "bert": Family(),
    "electra": Family(prefix="electra."),
    "roberta": Family(prefix="roberta.", counts_from_padding=True),
    "xlm-roberta": Family(prefix="roberta.", counts_from_padding=True),
    "camembert": Family(prefix="roberta.", counts_from_padding=True),
    "distilbert": Family(
        prefix="distilbert.",
        layer="transformer.layer.{}.",
        query="attention.q_lin",
        key="attention.k_lin",
        value="attention.v_lin",
        out="attention.out_lin",
        middle="sa_layer_norm",
        up="ffn.lin1",
        down="ffn.lin2",
        last="output_layer_norm",
        fields={
            "hidden_size": "dim",
            "num_attention_heads": "n_heads",
            "num_hidden_layers": "n_layers",
            "intermediate_size": "hidden_dim",
            "hidden_act": "activation",
        },
    ),
    "mpnet": Family(
        prefix="mpnet.",
        query="attention.attn.q",
        key="attention.attn.k",
        value="attention.attn.v",
        out="attention.attn.o",
        middle="attention.LayerNorm",
        counts_from_padding=True,
    ),
}
"""By the config's ``model_type``."""


def describe(config: Mapping[str, Any], tensors: Tensors, integers: Tensors | None = None) -> Description:
    """An encoder of a checkpoint's config.json and tensors.

    Args:
        config: config.json.
        tensors: by name, float32.
        integers: what rapidembed makes of the matrices for ``precision="int8"``, by its names; None: in bfloat16.

    Raises:
        ValueError: the architecture is none of ``FAMILIES``.
    """
    kind = config.get("model_type")
    if kind not in FAMILIES:
        raise ValueError(f"model_type={kind!r} is not known; known: {', '.join(FAMILIES)}.")
    return _Builder(FAMILIES[kind], config, tensors, integers).description()


class _Builder:
    def __init__(self, family: Family, config: Mapping[str, Any], tensors: Tensors, integers: Tensors | None) -> None:
        self.family, self.config, self.integers = family, config, integers
        prefix = family.prefix if family.prefix + _WORDS in tensors else ""
        self.prefix = prefix
        self.read: Reader = lambda name: np.asarray(tensors[prefix + name], dtype=np.float32)
        self.has = lambda name: prefix + name in tensors
        self.activation = _ACTIVATIONS[self.field("hidden_act", "gelu")]

    def field(self, name: str, default: Any = None) -> Any:
        return self.config.get(self.family.fields.get(name, name), default)

    def description(self) -> Description:
        hidden, heads = self.field("hidden_size"), self.field("num_attention_heads")
        types = "embeddings.token_type_embeddings.weight"
        return Description(
            precision=Precision.BF16 if self.integers is None else Precision.INT8,
            hidden=hidden,
            heads=heads,
            intermediate=self.field("intermediate_size"),
            activation=self.activation,
            epsilon=self.field("layer_norm_eps", 1e-12),
            words=self.read(_WORDS),
            position_table=self.read("embeddings.position_embeddings.weight"),
            type_table=self.read(types) if self.has(types) else None,
            embedding_norm=self.norm("embeddings.LayerNorm"),
            padding=self.field("pad_token_id", 1) if self.family.counts_from_padding else -1,
            projection=self.pack("embeddings_project") if self.has("embeddings_project.weight") else None,
            projection_multipliers=self.multipliers("embeddings_project"),
            bias=self.bias(heads),
            layers=[self.layer(number, hidden // heads) for number in range(self.field("num_hidden_layers"))],
        )

    def layer(self, number: int, width: int) -> LayerWeights:
        names, name = self.family, self.family.layer.format(number)
        scale = math.log2(math.e) / math.sqrt(width)
        zero = zero_of(self.activation, gated=False)
        return LayerWeights(
            qkv=self.pack(name + names.query, name + names.key, name + names.value, factors=(scale, 1.0, 1.0)),
            out=self.pack(name + names.out),
            up=self.pack(name + names.up),
            down=self.pack(name + names.down, zero=zero),
            middle=self.norm(name + names.middle),
            last=self.norm(name + names.last),
            qkv_multipliers=self.multipliers(name + names.query, name + names.key, name + names.value),
            up_multipliers=self.multipliers(name + names.up),
        )

    def norm(self, name: str) -> Norm:
        weight, bias = ("weight", "bias") if self.has(f"{name}.weight") else ("gamma", "beta")
        return Norm(self.read(f"{name}.{weight}"), self.read(f"{name}.{bias}"))

    def pack(self, *names: str, factors: tuple[float, ...] = (1.0,), zero: int = 128) -> Packed:
        pairs = zip(names, factors, strict=True)
        return pack([self.part(name, factor) for name, factor in pairs], zero=zero)

    def part(self, name: str, factor: float) -> Part:
        bias = self.read(f"{name}.bias")
        if self.integers is None:
            return Part(self.read(f"{name}.weight"), bias, factor=factor)
        return Part(self._made(name, ".int8"), bias, self._made(name, ".scales"), factor=factor)

    def _made(self, name: str, end: str) -> NDArray[Any]:
        made = self.integers or {}
        beginning = f"{self.prefix}{name}.weight["
        return next(value for key, value in made.items() if key.startswith(beginning) and key.endswith(end))

    def multipliers(self, *names: str) -> NDArray[np.float32] | None:
        """Of the activation that these matrices are multiplied by: it bears the name of one of them."""
        made = self.integers or {}
        beginnings = tuple(f"{self.prefix}{name}.weight" for name in names)
        return next((v for k, v in made.items() if k.startswith(beginnings) and k.endswith(".smoothing")), None)

    def bias(self, heads: int) -> NDArray[np.float32] | None:
        """MPNet's: a number for every head and distance, the same in all layers."""
        if not self.has("encoder.relative_attention_bias.weight"):
            return None
        reach = int(self.field("max_position_embeddings"))
        table = self.read("encoder.relative_attention_bias.weight")
        return np.ascontiguousarray(table[_buckets(np.arange(-reach, reach + 1))].T * np.float32(math.log2(math.e)))


def _buckets(distances: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows for distances (key minus query) as T5 counts them: 16 to each side, the first 8 one by one."""
    far = np.abs(distances)
    limits = 64 * 2 ** np.arange(1, 8)
    rows = np.where(far < 8, far, 8 + np.searchsorted(limits, far**2, side="right"))
    return np.asarray(rows + 16 * (distances > 0))
