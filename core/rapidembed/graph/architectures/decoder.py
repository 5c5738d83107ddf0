"""The layers of today's language models, used as encoders: norms before attention and MLP, fewer keys than queries.

What tells Qwen3 from Gemma 3 is data; the names of tensors are the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rapidembed.errors import UnsupportedModelError
from rapidembed.graph.architectures.layer_types import LOCAL
from rapidembed.graph.blocks import basic, layers
from rapidembed.graph.blocks.attention import Projections, attend
from rapidembed.graph.blocks.local import Window, window
from rapidembed.graph.blocks.pages import splice
from rapidembed.graph.blocks.rotary import Rotary, rotary
from rapidembed.graph.blocks.sizes import Sizes
from rapidembed.graph.inputs import TextInputs
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry.config_file import ConfigFile

ANCHOR = "embed_tokens.weight"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoder(Sizes):
    """The values of config.json that change numbers."""

    key_heads: int
    """Of keys and values; each serves as many heads of queries."""
    width: int
    """Of a head."""
    kinds: tuple[str, ...]
    """Of each layer's attention."""
    turns: Mapping[str, NDArray[np.float32]]
    """By kind of attention, see :func:`rapidembed.graph.blocks.rotary.read_turns`."""
    attention_bias: bool
    causal: bool = False
    """Whether a token sees only those before it."""
    reach: int | None = None
    """How many positions local attention sees to either side."""
    sandwiched: bool = False
    """Whether there are norms behind attention and MLP too."""
    offset: float = 0.0
    """Added to the weights of norms."""
    head_norms: bool = True
    """Whether each head of queries and keys is normalized."""
    embedding_scale: float | None = None
    scale: float | None = None
    """Factor of the scores; None: one over the square root of a head's width."""

    def __post_init__(self) -> None:
        if self.heads % self.key_heads:
            raise UnsupportedModelError(f"{self.heads} heads of queries do not share {self.key_heads} heads of keys.")


def read_decoder(config: ConfigFile, *, activation_field: str = "hidden_act", **own: Any) -> Decoder:
    """Take the fields that all of them have; ``own`` are those of one, and the activation where no field says it."""
    return Decoder.read(
        config,
        fields={"layer_norm_eps": "rms_norm_eps", "hidden_act": activation_field},
        epsilon=1e-6,
        even=False,
        key_heads=config.optional_positive("num_key_value_heads") or config.positive("num_attention_heads"),
        attention_bias=config.flag("attention_bias", False),
        **own,
    )


def encode(writer: GraphWriter, model: Decoder, inputs: TextInputs, *, first_only: bool) -> tuple[str, int]:
    """Write the encoder, see :class:`rapidembed.graph.architecture.Encode`."""
    hidden = model.hidden
    x = basic.lookup(writer, writer.table(ANCHOR, (model.vocab, hidden)), inputs.ids)
    if model.embedding_scale is not None:
        x = writer.node("Mul", x, basic.scalar(writer, model.embedding_scale))
    x = splice(writer, x, inputs)
    shape = writer.node("Concat", writer.node("Shape", inputs.ids), writer.ints(hidden), axis=0)
    written = _Layers(
        writer,
        model,
        inputs,
        rotary={kind: rotary(writer, inputs.ids, model.turns[kind]) for kind in sorted(set(model.kinds))},
        window=window(writer, inputs.ids, model.reach, inputs.mask) if model.reach and LOCAL in model.kinds else None,
    )
    x = basic.flatten(writer, x, hidden)
    for layer, kind in enumerate(model.kinds):
        first = first_only and layer == len(model.kinds) - 1
        name = f"layers.{layer}."
        attended = written.attention(name, kind, x, first_only=first)
        if first:
            x = basic.first_token(writer, writer.node("Reshape", x, shape))
        x = written.mlp(name, writer.node("Add", x, attended))
    x = written.norm("norm", x, hidden)
    return x if first_only else writer.node("Reshape", x, shape), hidden


@dataclass(frozen=True, slots=True)
class _Layers:
    """The parts of layers, and what all share in one forward pass; values are 2-D."""

    writer: GraphWriter
    model: Decoder
    inputs: TextInputs
    rotary: dict[str, Rotary]
    """By kind of attention."""
    window: Window | None

    def attention(self, name: str, kind: str, x: str, *, first_only: bool) -> str:
        """What is added to ``x`` before the MLP."""
        writer, model = self.writer, self.model
        x, width = self.norm(f"{name}input_layernorm", x, model.hidden), model.width
        parts = Projections(
            self._projected(f"{name}self_attn.q", x, model.heads),
            self._projected(f"{name}self_attn.k", x, model.key_heads),
            self._projected(f"{name}self_attn.v", x, model.key_heads, fine=True),
            model.heads,
            width,
            model.key_heads,
        )
        y = attend(
            writer,
            parts,
            self.inputs,
            rotary=self.rotary[kind],
            window=self.window if kind == LOCAL else None,
            causal=model.causal,
            first_only=first_only,
            scale=model.scale,
        )
        out, bias = f"{name}self_attn.o_proj", model.attention_bias
        y = layers.linear(writer, out, y, model.heads * width, model.hidden, bias=bias)
        return self.norm(f"{name}post_attention_layernorm", y, model.hidden) if model.sandwiched else y

    def _projected(self, name: str, x: str, heads: int, *, fine: bool = False) -> str:
        """Queries, keys, or values, which are the ``fine`` ones and never normalized."""
        writer, model, width = self.writer, self.model, self.model.width
        bias = model.attention_bias
        y = layers.linear(writer, f"{name}_proj", x, model.hidden, heads * width, bias=bias, fine=fine)
        if model.head_norms and not fine:
            y = self.norm(f"{name}_norm", writer.node("Reshape", y, writer.ints(-1, heads, width)), width)
        tokens = writer.node("Concat", writer.node("Shape", self.inputs.ids), writer.ints(heads * width), axis=0)
        return writer.node("Reshape", y, tokens)

    def mlp(self, name: str, x: str) -> str:
        """``x`` and what its MLP adds to it."""
        writer, model, hidden, inner = self.writer, self.model, self.model.hidden, self.model.intermediate
        before = "pre_feedforward_layernorm" if model.sandwiched else "post_attention_layernorm"
        y = self.norm(f"{name}{before}", x, hidden)
        gate, up = (
            layers.linear(writer, f"{name}mlp.{part}", y, hidden, inner, bias=False)
            for part in ("gate_proj", "up_proj")
        )
        y = layers.gated(writer, gate, up, model.activation)
        y = layers.linear(writer, f"{name}mlp.down_proj", y, inner, hidden, bias=False)
        if model.sandwiched:
            y = self.norm(f"{name}post_feedforward_layernorm", y, hidden)
        return writer.node("Add", x, y)

    def norm(self, name: str, x: str, width: int) -> str:
        """The RMSNorm layer ``name``."""
        return layers.rms_norm(self.writer, name, x, width, self.model.epsilon, offset=self.model.offset)
