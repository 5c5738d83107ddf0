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
_SAME: Mapping[str, str] = {}


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


def read_decoder(config: ConfigFile, *, fields: Mapping[str, str] = _SAME, **own: Any) -> Decoder:
    """Take the fields that all of them have.

    Args:
        config: config.json.
        fields: as for :meth:`rapidembed.graph.blocks.sizes.Sizes.read`, of which these are the names here.
        own: what each has of its own, and the activation where no field says it.

    Raises:
        UnsupportedModelError, IntegrityError: name the field and its value.
    """
    return Decoder.read(
        config,
        fields={"layer_norm_eps": "rms_norm_eps", **fields},
        epsilon=1e-6,
        even=False,
        key_heads=config.optional_positive("num_key_value_heads") or config.positive("num_attention_heads"),
        attention_bias=config.flag("attention_bias", False),
        **own,
    )


@dataclass(frozen=True, slots=True)
class _Shared:
    """What all layers of one forward pass share."""

    inputs: TextInputs
    rotary: dict[str, Rotary]
    """By kind of attention."""
    window: Window | None


def encode(writer: GraphWriter, model: Decoder, inputs: TextInputs, *, first_only: bool) -> tuple[str, int]:
    """Write the encoder, see :class:`rapidembed.graph.architecture.Encode`."""
    hidden = model.hidden
    x = basic.lookup(writer, writer.table(ANCHOR, (model.vocab, hidden)), inputs.ids)
    if model.embedding_scale is not None:
        x = writer.node("Mul", x, basic.scalar(writer, model.embedding_scale))
    x = splice(writer, x, inputs)
    shape = writer.node("Concat", writer.node("Shape", inputs.ids), writer.ints(hidden), axis=0)
    shared = _Shared(
        inputs=inputs,
        rotary={kind: rotary(writer, inputs.ids, model.turns[kind]) for kind in sorted(set(model.kinds))},
        window=window(writer, inputs.ids, model.reach, inputs.mask) if model.reach and LOCAL in model.kinds else None,
    )
    x = basic.flatten(writer, x, hidden)
    for layer, kind in enumerate(model.kinds):
        first = first_only and layer == len(model.kinds) - 1
        name = f"layers.{layer}."
        attended = _attention(writer, model, name, kind, x, shared, first_only=first)
        if first:
            x = basic.first_token(writer, writer.node("Reshape", x, shape))
        x = _mlp(writer, model, name, writer.node("Add", x, attended))
    x = _norm(writer, model, "norm", x, hidden)
    return x if first_only else writer.node("Reshape", x, shape), hidden


def _attention(
    writer: GraphWriter, model: Decoder, name: str, kind: str, x: str, shared: _Shared, *, first_only: bool
) -> str:
    width, bias = model.width, model.attention_bias
    x = _norm(writer, model, f"{name}input_layernorm", x, model.hidden)

    def project(part: str, heads: int, norm: str | None = None) -> str:
        fine = part == "v_proj"
        y = layers.linear(writer, f"{name}self_attn.{part}", x, model.hidden, heads * width, bias=bias, fine=fine)
        if norm and model.head_norms:
            y = writer.node("Reshape", y, writer.ints(-1, heads, width))
            y = _norm(writer, model, f"{name}self_attn.{norm}", y, width)
        tokens = writer.node("Concat", writer.node("Shape", shared.inputs.ids), writer.ints(heads * width), axis=0)
        return writer.node("Reshape", y, tokens)

    parts = Projections(
        project("q_proj", model.heads, "q_norm"),
        project("k_proj", model.key_heads, "k_norm"),
        project("v_proj", model.key_heads),
        model.heads,
        width,
        model.key_heads,
    )
    attended = attend(
        writer,
        parts,
        shared.inputs,
        rotary=shared.rotary[kind],
        window=shared.window if kind == LOCAL else None,
        causal=model.causal,
        first_only=first_only,
        scale=model.scale,
    )
    attended = layers.linear(writer, f"{name}self_attn.o_proj", attended, model.heads * width, model.hidden, bias=bias)
    if model.sandwiched:
        attended = _norm(writer, model, f"{name}post_attention_layernorm", attended, model.hidden)
    return attended


def _mlp(writer: GraphWriter, model: Decoder, name: str, x: str) -> str:
    before = "pre_feedforward_layernorm" if model.sandwiched else "post_attention_layernorm"
    y = _norm(writer, model, f"{name}{before}", x, model.hidden)
    gate, up = (
        layers.linear(writer, f"{name}mlp.{part}", y, model.hidden, model.intermediate, bias=False)
        for part in ("gate_proj", "up_proj")
    )
    y = layers.gated(writer, gate, up, model.activation)
    y = layers.linear(writer, f"{name}mlp.down_proj", y, model.intermediate, model.hidden, bias=False)
    if model.sandwiched:
        y = _norm(writer, model, f"{name}post_feedforward_layernorm", y, model.hidden)
    return writer.node("Add", x, y)


def _norm(writer: GraphWriter, model: Decoder, name: str, x: str, width: int) -> str:
    return layers.rms_norm(writer, name, x, width, model.epsilon, offset=model.offset)
