"""ModernBERT (Warner et al. 2024, https://arxiv.org/abs/2412.13663), as transformers' ``ModernBertModel``."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rapidembed.errors import UnsupportedModelError
from rapidembed.graph.architecture import Architecture, Encode, text_classes
from rapidembed.graph.architectures.layer_types import FULL, LOCAL, read_layer_types
from rapidembed.graph.blocks import basic, layers
from rapidembed.graph.blocks.attention import Projections, attend
from rapidembed.graph.blocks.local import Window, window
from rapidembed.graph.blocks.mlm import word_weights
from rapidembed.graph.blocks.pages import splice
from rapidembed.graph.blocks.pooling import pool
from rapidembed.graph.blocks.rotary import Rotary, read_turns, rotary
from rapidembed.graph.blocks.sizes import Sizes, read_heads
from rapidembed.graph.inputs import TextInputs, Texts
from rapidembed.graph.layout import LayerLayout, Layout, Rows, parts
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry import SparseWeights
from rapidembed.registry.config_file import ConfigFile

_VALUES = 2
"""Place of the values after queries and keys."""
ANCHOR = "embeddings.tok_embeddings.weight"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModernBert(Sizes):
    """The fields of config.json that change numbers."""

    kinds: tuple[str, ...]
    """Of each layer's attention."""
    reach: int
    """How many positions local attention sees to either side."""
    turns: dict[str, NDArray[np.float32]]
    """Of the rotary embeddings, by kind of attention; see :func:`rapidembed.graph.blocks.rotary.read_turns`."""
    attention_bias: bool
    mlp_bias: bool
    norm_bias: bool


def _read(config: ConfigFile) -> ModernBert:
    """Take the fields; refuse values that change the computation in a way this builder does not know."""
    hidden, heads = read_heads(config)
    width = hidden // heads
    local = config.optional_positive("local_attention") or 128
    if local == 1:
        raise UnsupportedModelError(f"{config.path}: local_attention=1 is not supported; known: 2 and more.")
    return ModernBert.read(
        config,
        fields={"hidden_act": "hidden_activation", "layer_norm_eps": "norm_eps"},
        epsilon=1e-5,
        kinds=_kinds(config),
        reach=local // 2,
        turns={
            FULL: read_turns(config, width, 160_000.0, name="global_rope_theta", kind=FULL),
            LOCAL: read_turns(config, width, 10_000.0, name="local_rope_theta", kind=LOCAL),
        },
        attention_bias=config.flag("attention_bias", False),
        mlp_bias=config.flag("mlp_bias", False),
        norm_bias=config.flag("norm_bias", False),
    )


def encode(writer: GraphWriter, config: ConfigFile, inputs: TextInputs, *, first_only: bool) -> tuple[str, int]:
    """Write the encoder, see :class:`rapidembed.graph.architecture.Encode`."""
    modern = _read(config)
    hidden = modern.hidden
    x = splice(writer, basic.lookup(writer, writer.table(ANCHOR, (modern.vocab, hidden)), inputs.ids), inputs)
    written = _Layers(
        writer,
        modern,
        inputs,
        shape=writer.node("Concat", writer.node("Shape", inputs.ids), writer.ints(hidden), axis=0),
        rotary={kind: rotary(writer, inputs.ids, turns) for kind, turns in modern.turns.items()},
        window=window(writer, inputs.ids, modern.reach, inputs.mask) if LOCAL in modern.kinds else None,
    )
    x = written.norm("embeddings.norm", basic.flatten(writer, x, hidden))
    for layer in range(modern.layers):
        x = written.write(layer, x, first_only=first_only and layer == modern.layers - 1)
    x = written.norm("final_norm", x)
    return x if first_only else writer.node("Reshape", x, written.shape), hidden


@dataclass(frozen=True, slots=True)
class _Layers:
    """The layers, and what they share in one forward pass."""

    writer: GraphWriter
    modern: ModernBert
    inputs: TextInputs
    shape: str
    """Of the hidden state: (batch, tokens, hidden)."""
    rotary: dict[str, Rotary]
    """By kind of attention."""
    window: Window | None
    """Of local attention; None where no layer is local."""

    def write(self, layer: int, x: str, *, first_only: bool) -> str:
        """Write one, from and to (batch x tokens, hidden)."""
        writer, modern, name = self.writer, self.modern, f"layers.{layer}."
        hidden, inner = modern.hidden, modern.intermediate
        # The embeddings are normalized already.
        attended = self._attention(layer, self.norm(f"{name}attn_norm", x) if layer else x, first_only=first_only)
        attended = layers.linear(writer, f"{name}attn.Wo", attended, hidden, hidden, bias=modern.attention_bias)
        if first_only:
            x = basic.first_token(writer, writer.node("Reshape", x, self.shape))
        x = writer.node("Add", x, attended)
        y, bias = self.norm(f"{name}mlp_norm", x), modern.mlp_bias
        gate, up = layers.linear_parts(writer, f"{name}mlp.Wi", y, hidden, 2 * inner, parts=2, bias=bias)
        y = layers.gated(writer, gate, up, modern.activation)
        return writer.node("Add", x, layers.linear(writer, f"{name}mlp.Wo", y, inner, hidden, bias=bias))

    def _attention(self, layer: int, x: str, *, first_only: bool) -> str:
        writer, modern, hidden, kind = self.writer, self.modern, self.modern.hidden, self.modern.kinds[layer]
        name, bias = f"layers.{layer}.attn.Wqkv", modern.attention_bias
        parts = layers.linear_parts(writer, name, x, hidden, 3 * hidden, parts=3, bias=bias, fine=_VALUES)
        q, k, v = (writer.node("Reshape", part, self.shape) for part in parts)
        return attend(
            writer,
            Projections(q, k, v, modern.heads, hidden // modern.heads),
            self.inputs,
            rotary=self.rotary[kind],
            window=self.window if kind == LOCAL else None,
            first_only=first_only,
        )

    def norm(self, name: str, x: str) -> str:
        """The LayerNorm layer ``name``."""
        return layers.norm(self.writer, name, x, self.modern.hidden, self.modern.epsilon, bias=self.modern.norm_bias)


def classify(
    writer: GraphWriter, config: ConfigFile, inputs: TextInputs, labels: int, encode: Encode[TextInputs]
) -> str:
    """Write the encoder and its classifier, see :class:`rapidembed.graph.architecture.Classify`."""
    pooling = config.text("classifier_pooling", "cls")
    if pooling not in ("cls", "mean"):
        raise UnsupportedModelError(f"{config.path}: classifier_pooling={pooling!r} is unknown; known: cls, mean.")
    x, hidden = encode(writer, config, inputs, first_only=pooling == "cls")
    if pooling == "mean":
        x = pool(writer, x, ("mean",), inputs.real)
    x = _head(writer, config, x, hidden)
    weight, bias = writer.external("classifier.weight", (labels, hidden)), writer.external("classifier.bias", (labels,))
    return basic.linear(writer, x, weight, bias, exact=True)


def mlm(writer: GraphWriter, config: ConfigFile, x: str, sparse: SparseWeights, mask: str | None) -> str:
    """Write the masked-language-model head, see :class:`rapidembed.graph.architecture.Mlm`."""
    modern = _read(config)
    hidden = modern.hidden
    shape = writer.node("Concat", writer.node("Shape", x, start=0, end=2), writer.ints(-1), axis=0)
    x = _head(writer, config, basic.flatten(writer, x, hidden), hidden)
    tied = config.flag("tie_word_embeddings", True)
    projection = (
        writer.full_name(ANCHOR) if tied else "decoder.weight",
        "decoder.bias" if config.flag("decoder_bias", True) else None,
    )
    return word_weights(writer, x, shape, hidden, projection=projection, words=modern.vocab, sparse=sparse, mask=mask)


def _head(writer: GraphWriter, config: ConfigFile, x: str, hidden: int) -> str:
    """The layer that both heads begin with; its tensors lie beside the encoder's."""
    modern = _read(config)
    weight = writer.external("head.dense.weight", (hidden, hidden))
    bias = writer.external("head.dense.bias", (hidden,)) if config.flag("classifier_bias", False) else None
    x = basic.linear(writer, x, weight, bias)
    x = basic.activation(writer, x, config.text("classifier_activation", "gelu"))
    shift = writer.external("head.norm.bias", (hidden,)) if modern.norm_bias else None
    return basic.layer_norm(writer, x, writer.external("head.norm.weight", (hidden,)), shift, modern.epsilon)


def _kinds(config: ConfigFile) -> tuple[str, ...]:
    every = config.optional_positive("global_attn_every_n_layers") or 3
    count = config.positive("num_hidden_layers")
    return read_layer_types(config, tuple(LOCAL if layer % every else FULL for layer in range(count)))


def layout(config: ConfigFile, has: Callable[[str], bool]) -> Layout:
    """Tell the encoder as data, see :class:`rapidembed.graph.architecture.ReadLayout`."""
    modern = _read(config)
    kinds, last = list(modern.turns), len(modern.kinds) - 1

    def layer(number: int, kind: str) -> LayerLayout:
        name = f"layers.{number}."
        return LayerLayout(
            qkv=parts((f"{name}attn.Wqkv",), 3, bias=modern.attention_bias),
            out=Rows(f"{name}attn.Wo", bias=modern.attention_bias),
            up=parts((f"{name}mlp.Wi",), 2, bias=modern.mlp_bias),
            down=Rows(f"{name}mlp.Wo", bias=modern.mlp_bias),
            middle=f"{name}mlp_norm",
            last="final_norm" if number == last else f"layers.{number + 1}.attn_norm",
            turns=kinds.index(kind),
            reach=modern.reach if kind == LOCAL else None,
        )

    return Layout(
        hidden=modern.hidden,
        heads=modern.heads,
        intermediate=modern.intermediate,
        activation=basic.activation_kind(modern.activation),
        epsilon=modern.epsilon,
        words=ANCHOR,
        embedding_norm="embeddings.norm",
        layers=tuple(layer(number, kind) for number, kind in enumerate(modern.kinds)),
        prenorm=True,
        norm_bias=modern.norm_bias,
        turns=tuple(modern.turns.values()),
    )


ARCHITECTURE = Architecture(
    classes=text_classes("ModernBert", heads=("classification", "mlm")),
    prefixes=("", "model."),
    anchor=ANCHOR,
    ignorable=("head.", "decoder."),
    modality=Texts(),
    encode=encode,
    layout=layout,
    mlm=mlm,
    classify=classify,
)
