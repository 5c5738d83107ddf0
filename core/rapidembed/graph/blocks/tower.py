"""Layers with a norm before attention and before the two matrices, as pictures' encoders have them.

What tells CLIP from DINOv2 is data: sizes, names of tensors, what is scaled.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from rapidembed.errors import UnsupportedModelError
from rapidembed.graph.blocks import basic, layers
from rapidembed.graph.blocks.self_attention import self_attention
from rapidembed.graph.blocks.sizes import read_heads
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry.config_file import ConfigFile

Only = Literal["all", "first", "last"]
"""For which tokens the last layer is computed; nothing else is needed of it where a vector is taken from one."""
BASE: Mapping[str, Any] = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "image_size": 224,
}
"""What configs of ViT's size leave out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tower:
    """The fields of a config that change numbers in every one of them."""

    hidden: int
    layers: int
    heads: int
    intermediate: int
    activation: str
    epsilon: float
    """Of layer normalization."""
    bias: bool = True
    """Whether queries, keys and values have one."""
    causal: bool = False
    """Whether a token sees only those before it."""
    gated: bool = False
    """Whether half of the inner vector is activated and multiplies the other (SwiGLU)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What the tensors of a layer are called; the defaults are CLIP's."""

    layer: str = "encoder.layers.{}."
    before_attention: str = "layer_norm1"
    query: str = "self_attn.q_proj"
    key: str = "self_attn.k_proj"
    value: str = "self_attn.v_proj"
    attended: str = "self_attn.out_proj"
    attended_scale: str | None = None
    """What the result of attention is multiplied by, channel by channel; None: nothing."""
    before_inner: str = "layer_norm2"
    inner: str = "mlp.fc1"
    outer: str = "mlp.fc2"
    outer_scale: str | None = None


def with_defaults(config: ConfigFile, defaults: Mapping[str, Any]) -> ConfigFile:
    """A config that says what it leaves out: configs of pictures' encoders often are written without defaults."""
    said = {name: value for name, value in config.values.items() if value is not None}
    return ConfigFile(config.path, {**defaults, **said})


def read_tower(config: ConfigFile, *, causal: bool = False) -> Tower:
    """Take the fields."""
    hidden, heads = read_heads(config)
    return Tower(
        hidden=hidden,
        layers=config.positive("num_hidden_layers"),
        heads=heads,
        intermediate=config.positive("intermediate_size"),
        activation=config.text("hidden_act", "gelu"),
        epsilon=config.number("layer_norm_eps", 1e-12),
        bias=config.flag("qkv_bias", True),
        causal=causal,
    )


def write(writer: GraphWriter, tower: Tower, x: str, shape: str, *, names: Names, only: Only = "all") -> str:
    """Write the layers.

    Args:
        tower: what they are.
        x: what comes in, (batch x tokens, hidden).
        shape: of what comes in, (batch, tokens, hidden), as a value of three numbers.
        names: of their tensors.
        only: tokens that are wanted of the last layer.

    Returns:
        (batch x tokens, hidden), or (batch, hidden) of one token; not yet normalized.
    """
    for layer in range(tower.layers):
        wanted = only if layer == tower.layers - 1 else "all"
        x = _layer(writer, tower, names, names.layer.format(layer), x, shape, wanted)
    return x


def take(writer: GraphWriter, x: str, shape: str, which: Only) -> str:
    """The first or last token of each row: (batch x tokens, hidden) -> (batch, hidden)."""
    if which == "last":
        last = writer.node("Slice", writer.node("Reshape", x, shape), *(writer.ints(n) for n in (-1, 2**31, 1)))
        return writer.node("Squeeze", last, writer.ints(1))
    return basic.first_token(writer, writer.node("Reshape", x, shape))


def mlp(writer: GraphWriter, tower: Tower, inner: str, outer: str, x: str) -> str:
    """The two matrices on 2-D ``x``, named by their tensors."""
    hidden, width = tower.hidden, tower.intermediate
    if tower.gated:
        gate, up = layers.linear_parts(writer, inner, x, hidden, 2 * width, parts=2)
        y = layers.gated(writer, gate, up, tower.activation)
    else:
        y = basic.activation(writer, layers.linear(writer, inner, x, hidden, width), tower.activation)
    return layers.linear(writer, outer, y, width, hidden)


def _layer(writer: GraphWriter, tower: Tower, names: Names, name: str, x: str, shape: str, only: Only) -> str:
    normed = layers.norm(writer, f"{name}{names.before_attention}", x, tower.hidden, tower.epsilon)
    attended = _attention(writer, tower, names, name, normed, shape, only)
    x = x if only == "all" else take(writer, x, shape, only)
    x = writer.node("Add", x, _scaled(writer, tower, name, names.attended_scale, attended))
    y = layers.norm(writer, f"{name}{names.before_inner}", x, tower.hidden, tower.epsilon)
    y = mlp(writer, tower, f"{name}{names.inner}", f"{name}{names.outer}", y)
    return writer.node("Add", x, _scaled(writer, tower, name, names.outer_scale, y))


def _attention(writer: GraphWriter, tower: Tower, names: Names, name: str, x: str, shape: str, only: Only) -> str:
    hidden = tower.hidden
    if only == "first" and tower.causal:
        raise UnsupportedModelError("The first token of a causal encoder sees nothing but itself.")

    def project(part: str, x: str) -> str:
        fine = part == names.value
        return layers.linear(writer, f"{name}{part}", x, hidden, hidden, bias=tower.bias, fine=fine)

    k, v = (writer.node("Reshape", project(part, x), shape) for part in (names.key, names.value))
    if only == "all":
        q = writer.node("Reshape", project(names.query, x), shape)
    else:
        q = writer.node("Unsqueeze", project(names.query, take(writer, x, shape, only)), writer.ints(1))
    causal = tower.causal and only == "all"  # the last token sees all the others anyway
    attended = self_attention(writer, q, k, v, heads=tower.heads, mask=None, causal=causal)
    return layers.linear(writer, f"{name}{names.attended}", basic.flatten(writer, attended, hidden), hidden, hidden)


def _scaled(writer: GraphWriter, tower: Tower, name: str, scale: str | None, x: str) -> str:
    return writer.node("Mul", x, writer.weight(f"{name}{scale}", (tower.hidden,))) if scale else x
