"""Encoders out of the tensors of published checkpoints.

What tells architectures apart is data: names of fields and tensors, where positions begin, what is gated. This serves
tests and benchmarks; rapidembed itself reads checkpoints with its own, stricter builders.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rapidembed_native.library import Precision
from rapidembed_native.model import Description, LayerWeights, Norm, Rotary
from rapidembed_native.packing import Activation, Packed, Part, pack, zero_of

Tensors = Mapping[str, NDArray[Any]]

_ACTIVATIONS = {
    "gelu": Activation.GELU,
    "gelu_new": Activation.GELU_TANH,
    "gelu_pytorch_tanh": Activation.GELU_TANH,
    "relu": Activation.RELU,
    "silu": Activation.SILU,
}
_LOG2_E = math.log2(math.e)


@dataclass(frozen=True, slots=True)
class Rows:
    """A matrix, or one of several equal parts of it, by its tensor's name up to ``.weight``."""

    name: str
    part: int = 0
    parts: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """The names of one architecture; the defaults are BERT's."""

    prefix: str = "bert."
    words: str = "embeddings.word_embeddings"
    embedding_norm: str = "embeddings.LayerNorm"
    layer: str = "encoder.layer.{}."
    qkv: Sequence[Rows] = (
        Rows("attention.self.query"),
        Rows("attention.self.key"),
        Rows("attention.self.value"),
    )
    out: str = "attention.output.dense"
    middle: str = "attention.output.LayerNorm"
    up: Sequence[Rows] = (Rows("intermediate.dense"),)
    """Of a gated model the gate, then what it lets through."""
    down: str = "output.dense"
    last: str = "output.LayerNorm"
    prenorm: tuple[str, str] | None = None
    """Of a model whose norms stand before: the first of a layer, and the one behind the last layer."""
    fields: Mapping[str, str] = field(default_factory=dict)
    positions: bool = True
    counts_from_padding: bool = False
    theta: float | None = None
    """Of rotary positions, where the config does not say; None: they are not rotary."""


def _packed_qkv(name: str) -> tuple[Rows, ...]:
    return tuple(Rows(name, part, 3) for part in range(3))


FAMILIES = {
    "bert": Family(),
    "electra": Family(prefix="electra."),
    "roberta": Family(prefix="roberta.", counts_from_padding=True),
    "xlm-roberta": Family(prefix="roberta.", counts_from_padding=True),
    "camembert": Family(prefix="roberta.", counts_from_padding=True),
    "distilbert": Family(
        prefix="distilbert.",
        layer="transformer.layer.{}.",
        qkv=(Rows("attention.q_lin"), Rows("attention.k_lin"), Rows("attention.v_lin")),
        out="attention.out_lin",
        middle="sa_layer_norm",
        up=(Rows("ffn.lin1"),),
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
        qkv=(Rows("attention.attn.q"), Rows("attention.attn.k"), Rows("attention.attn.v")),
        out="attention.attn.o",
        middle="attention.LayerNorm",
        counts_from_padding=True,
    ),
    "nomic_bert": Family(
        prefix="nomic_bert.",
        embedding_norm="emb_ln",
        layer="encoder.layers.{}.",
        qkv=_packed_qkv("attn.Wqkv"),
        out="attn.out_proj",
        middle="norm1",
        up=(Rows("mlp.fc12"), Rows("mlp.fc11")),
        down="mlp.fc2",
        last="norm2",
        positions=False,
        theta=1000.0,
    ),
    "gte": Family(
        prefix="gte.",
        qkv=_packed_qkv("attention.qkv_proj"),
        out="attention.o_proj",
        middle="attn_ln",
        up=(Rows("mlp.up_gate_proj", 1, 2), Rows("mlp.up_gate_proj", 0, 2)),
        down="mlp.down_proj",
        last="mlp_ln",
        positions=False,
        theta=160_000.0,
    ),
    "modernbert": Family(
        prefix="model.",
        words="embeddings.tok_embeddings",
        embedding_norm="embeddings.norm",
        layer="layers.{}.",
        qkv=_packed_qkv("attn.Wqkv"),
        out="attn.Wo",
        middle="mlp_norm",
        up=(Rows("mlp.Wi", 0, 2), Rows("mlp.Wi", 1, 2)),
        down="mlp.Wo",
        prenorm=("attn_norm", "final_norm"),
        fields={"hidden_act": "hidden_activation", "layer_norm_eps": "norm_eps"},
        positions=False,
        theta=160_000.0,
    ),
}
"""By the config's ``model_type``."""


def describe(
    config: Mapping[str, Any],
    tensors: Tensors,
    integers: Tensors | None = None,
    *,
    precision: Precision = Precision.BF16,
    longest: int = 8192,
) -> Description:
    """An encoder of a checkpoint's config.json and tensors.

    Args:
        config: config.json.
        tensors: by name, float32.
        integers: what rapidembed makes of the matrices for ``precision="int8"``, by its names.
        precision: of products, where there are no integers.
        longest: tokens of a text that rotary angles are made for.

    Raises:
        ValueError: the architecture is none of ``FAMILIES``.
    """
    kind = config.get("model_type")
    if kind not in FAMILIES:
        raise ValueError(f"model_type={kind!r} is not known; known: {', '.join(FAMILIES)}.")
    return _Builder(FAMILIES[kind], config, tensors, integers, precision).description(longest)


class _Builder:
    def __init__(
        self,
        family: Family,
        config: Mapping[str, Any],
        tensors: Tensors,
        integers: Tensors | None,
        precision: Precision,
    ) -> None:
        self.family, self.config, self.tensors, self.integers = family, config, tensors, integers or {}
        self.precision = precision if integers is None else Precision.INT8
        self.prefix = family.prefix if f"{family.prefix}{family.words}.weight" in tensors else ""
        self.activation = _ACTIVATIONS[self.field("hidden_act", "gelu")]
        self.gated = len(family.up) > 1
        self.hidden, self.heads = int(self.field("hidden_size")), int(self.field("num_attention_heads"))
        self.count = int(self.field("num_hidden_layers"))

    def field(self, name: str, default: Any = None) -> Any:
        return self.config.get(self.family.fields.get(name, name), default)

    def read(self, name: str) -> NDArray[np.float32]:
        return np.asarray(self.tensors[self.prefix + name], dtype=np.float32)

    def find(self, name: str) -> NDArray[np.float32] | None:
        return self.read(name) if self.prefix + name in self.tensors else None

    def description(self, longest: int) -> Description:
        family = self.family
        projected = self.find("embeddings_project.weight") is not None
        return Description(
            precision=self.precision,
            hidden=self.hidden,
            heads=self.heads,
            intermediate=int(self.field("intermediate_size")),
            activation=self.activation,
            gated=self.gated,
            prenorm=family.prenorm is not None,
            epsilon=float(self.field("layer_norm_eps", 1e-12)),
            words=self.read(f"{family.words}.weight"),
            position_table=self.read("embeddings.position_embeddings.weight") if family.positions else None,
            type_table=self.find("embeddings.token_type_embeddings.weight"),
            embedding_norm=self.norm(family.embedding_norm),
            padding=int(self.field("pad_token_id", 1)) if family.counts_from_padding else -1,
            projection=self.pack([Rows("embeddings_project")]) if projected else None,
            projection_multipliers=self.multipliers("embeddings_project") if projected else None,
            bias=self.bias(),
            rotary=[] if family.theta is None else [self.angles(theta, longest) for theta in self.thetas()],
            layers=[self.layer(number) for number in range(self.count)],
        )

    def layer(self, number: int) -> LayerWeights:
        family, name = self.family, self.family.layer.format(number)
        scale = _LOG2_E / math.sqrt(self.hidden // self.heads)
        qkv = [Rows(name + rows.name, rows.part, rows.parts) for rows in family.qkv]
        up = [Rows(name + rows.name, rows.part, rows.parts) for rows in family.up]
        local = self.is_local(number)
        return LayerWeights(
            qkv=self.pack(qkv, factors=(scale, 1.0, 1.0)),
            out=self.pack([Rows(name + family.out)]),
            up=self.pack(up, gated=self.gated),
            down=self.pack([Rows(name + family.down)], zero=zero_of(self.activation, gated=self.gated)),
            middle=self.norm(name + family.middle),
            last=self.norm(self.last_norm(number)),
            qkv_multipliers=self.multipliers(*(rows.name for rows in qkv)),
            up_multipliers=self.multipliers(*(rows.name for rows in up)),
            rotary=-1 if family.theta is None else int(local),
            reach=int(self.config["local_attention"]) // 2 if local else 0,
        )

    def last_norm(self, number: int) -> str:
        if self.family.prenorm is None:
            return self.family.layer.format(number) + self.family.last
        first, final = self.family.prenorm
        return final if number + 1 == self.count else self.family.layer.format(number + 1) + first

    def is_local(self, number: int) -> bool:
        every = self.config.get("global_attn_every_n_layers")
        return self.family.prenorm is not None and bool(number % (every or 3))

    def norm(self, name: str) -> Norm:
        old = self.find(f"{name}.gamma")
        if old is not None:
            return Norm(old, self.read(f"{name}.beta"))
        return Norm(self.read(f"{name}.weight"), self.find(f"{name}.bias"))

    def pack(
        self, rows: Sequence[Rows], *, factors: Sequence[float] = (1.0, 1.0), gated: bool = False, zero: int = 128
    ) -> Packed:
        parts = [self.part(entry, factor) for entry, factor in zip(rows, factors, strict=False)]
        return pack(parts, self.precision, gated=gated, zero=zero)

    def part(self, rows: Rows, factor: float) -> Part:
        weight, bias = self.read(f"{rows.name}.weight"), self.find(f"{rows.name}.bias")
        size = len(weight) // rows.parts
        cut = slice(rows.part * size, (rows.part + 1) * size)
        bias = None if bias is None else bias[cut]
        if self.precision is not Precision.INT8:
            return Part(weight[cut], bias, factor=factor)
        beginning = f"{self.prefix}{rows.name}.weight[{cut.start}:{cut.stop}]"
        return Part(self.made(beginning, ".int8"), bias, self.made(beginning, ".scales"), factor=factor)

    def made(self, beginning: str, end: str) -> NDArray[Any]:
        return next(v for k, v in self.integers.items() if k.startswith(beginning) and k.endswith(end))

    def multipliers(self, *names: str) -> NDArray[np.float32] | None:
        """Of the activation that these matrices are multiplied by: it bears the name of one of them."""
        beginnings = tuple(f"{self.prefix}{name}.weight" for name in names)
        return next(
            (v for k, v in self.integers.items() if k.startswith(beginnings) and k.endswith(".smoothing")), None
        )

    def thetas(self) -> list[float]:
        """Of all layers, or of those that see everything and those that do not."""
        given = self.config.get("rope_parameters") or {}
        if self.family.prenorm is None:
            return [given.get("rope_theta", self.config.get("rope_theta", self.family.theta))]
        whole = given.get("full_attention", {}).get("rope_theta", self.config.get("global_rope_theta", 160_000.0))
        local = given.get("sliding_attention", {}).get("rope_theta", self.config.get("local_rope_theta", 10_000.0))
        return [whole, local]

    def angles(self, theta: float, longest: int) -> Rotary:
        width = self.hidden // self.heads
        turns = 1.0 / theta ** (np.arange(0, width, 2) / width)
        angles = np.arange(longest)[:, None] * turns
        return Rotary(np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32))

    def bias(self) -> NDArray[np.float32] | None:
        """MPNet's: a number for every head and distance, the same in all layers."""
        table = self.find("encoder.relative_attention_bias.weight")
        if table is None:
            return None
        reach = int(self.field("max_position_embeddings"))
        return np.ascontiguousarray(table[_buckets(np.arange(-reach, reach + 1))].T * np.float32(_LOG2_E))


def _buckets(distances: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows for distances (key minus query) as T5 counts them: 16 to each side, the first 8 one by one."""
    far = np.abs(distances)
    limits = 64 * 2 ** np.arange(1, 8)
    rows = np.where(far < 8, far, 8 + np.searchsorted(limits, far**2, side="right"))
    return np.asarray(rows + 16 * (distances > 0))
