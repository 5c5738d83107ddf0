"""Encoders that keep BERT's order, a norm behind attention and one behind the MLP, but embed no positions.

What tells them apart is data: the names of tensors, how positions are told, which layers have biases, how the MLP is
made.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rapidembed.graph.blocks import adapters as low_rank
from rapidembed.graph.blocks import basic, layers
from rapidembed.graph.blocks.adapters import Adapters
from rapidembed.graph.blocks.alibi import alibi, slopes
from rapidembed.graph.blocks.attention import Projections, attend
from rapidembed.graph.blocks.rotary import Rotary, rotary
from rapidembed.graph.blocks.sizes import Sizes
from rapidembed.graph.inputs import TextInputs
from rapidembed.graph.layout import LayerLayout, Layout, Rows, parts, refuse
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry.config_file import ConfigFile

ANCHOR = "embeddings.word_embeddings.weight"

_VALUES = 2
"""Place of the values after queries and keys."""
_WORDS, _TYPES = "embeddings.word_embeddings", "embeddings.token_type_embeddings"


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What tensors are called, up to ``.weight`` and ``.bias``."""

    norm: str
    """Of the embeddings."""
    layer: str
    """Beginning of a layer's, with its number in braces; the rest are its parts."""
    qkv: tuple[str, ...]
    """Queries, keys and values: three matrices, or all in one."""
    qk_norms: tuple[str, ...] = ()
    """Of queries and keys, over all heads; empty: there are none."""
    out: str
    attention_norm: str
    residual_norm: str | None = None
    """Of the sum of what attention has given, normalized, and the layer's input; None: there is none."""
    mlp: tuple[str, ...]
    """The matrices that widen: one; or a gated MLP's two, each by itself or both in one."""
    down: str
    mlp_norm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PostNorm(Sizes):
    """The values of config.json that change numbers, and the names of tensors."""

    names: Names
    types: int
    """Texts that tokens may belong to; 0: the model does not tell them apart."""
    turns: NDArray[np.float32] | None
    """See :func:`rapidembed.graph.blocks.rotary.read_turns`; None: scores fall with distance (ALiBi)."""
    gated: bool = True
    """Whether the MLP has a gate, which is what is activated then."""
    gate_first: bool = False
    """Whether the gate comes first."""
    attention_bias: bool = True
    up_bias: bool = False
    down_bias: bool = True
    adapters: Adapters | None = None
    """Of every matrix and table; None: there are none."""


@dataclass(frozen=True, slots=True)
class _Shared:
    """What all layers of one forward pass share."""

    inputs: TextInputs
    tokens: str
    """(batch, tokens): a shape."""
    rotary: Rotary | None
    bias: str | None


def encode(writer: GraphWriter, model: PostNorm, inputs: TextInputs, *, first_only: bool) -> tuple[str, int]:
    """Write the encoder."""
    hidden = model.hidden
    x = _lookup(writer, model, _WORDS, inputs.ids, model.vocab)
    if model.types:
        told = inputs.types if inputs.types is not None and model.types > 1 else writer.ints(0)
        x = writer.node("Add", x, _lookup(writer, model, _TYPES, told, model.types))
    x = _norm(writer, model, model.names.norm, basic.flatten(writer, x, hidden))
    shared = _Shared(
        inputs=inputs,
        tokens=writer.node("Shape", inputs.ids),
        rotary=None if model.turns is None else rotary(writer, inputs.ids, model.turns),
        bias=alibi(writer, inputs.ids, model.heads) if model.turns is None else None,
    )
    for layer in range(model.layers):
        first = first_only and layer == model.layers - 1
        x = _layer(writer, model, model.names.layer.format(layer), x, shared, first_only=first)
    return x if first_only else _by_text(writer, x, shared, hidden), hidden


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of them; its methods are what :class:`rapidembed.graph.architecture.Architecture` wants.

    Attributes:
        read: the values, of config.json, whether the checkpoint has a tensor, and the input that chooses an adapter.
    """

    read: Callable[[ConfigFile, Callable[[str], bool], str | None], PostNorm]

    def encode(
        self, writer: GraphWriter, config: ConfigFile, inputs: TextInputs, *, first_only: bool
    ) -> tuple[str, int]:
        """Write the encoder, see :class:`rapidembed.graph.architecture.Encode`."""
        return encode(writer, self.read(config, writer.has, inputs.task), inputs, first_only=first_only)

    def layout(self, config: ConfigFile, has: Callable[[str], bool]) -> Layout:
        """Tell the encoder as data, see :class:`rapidembed.graph.architecture.ReadLayout`."""
        return layout(self.read(config, has, None))


def _layer(writer: GraphWriter, model: PostNorm, name: str, x: str, shared: _Shared, *, first_only: bool) -> str:
    names, hidden = model.names, model.hidden
    parts = _projections(writer, model, name, x, shared)
    attended = attend(writer, parts, shared.inputs, rotary=shared.rotary, bias=shared.bias, first_only=first_only)
    attended = _linear(writer, model, name + names.out, attended, hidden, hidden, bias=model.attention_bias)
    if first_only:
        x = basic.first_token(writer, _by_text(writer, x, shared, hidden))
    y = _norm(writer, model, name + names.attention_norm, writer.node("Add", x, attended))
    if names.residual_norm is not None:
        y = _norm(writer, model, name + names.residual_norm, writer.node("Add", x, y))
    inner = _widened(writer, model, name, y)
    inner = _linear(writer, model, name + names.down, inner, model.intermediate, hidden, bias=model.down_bias)
    return _norm(writer, model, name + names.mlp_norm, writer.node("Add", y, inner))


def _projections(writer: GraphWriter, model: PostNorm, name: str, x: str, shared: _Shared) -> Projections:
    hidden, names = model.hidden, model.names
    parts = _parts(writer, model, [name + part for part in names.qkv], x, hidden, 3, bias=model.attention_bias)
    for number, norm in enumerate(names.qk_norms):
        parts[number] = _norm(writer, model, name + norm, parts[number])
    q, k, v = (_by_text(writer, part, shared, hidden) for part in parts)
    return Projections(q, k, v, model.heads, hidden // model.heads)


def _by_text(writer: GraphWriter, x: str, shared: _Shared, width: int) -> str:
    """(batch x tokens, width) -> (batch, tokens, width)."""
    return writer.node("Reshape", x, writer.node("Concat", shared.tokens, writer.ints(width), axis=0))


def _widened(writer: GraphWriter, model: PostNorm, name: str, x: str) -> str:
    names = [name + part for part in model.names.mlp]
    count = 2 if model.gated else 1
    first, *second = _parts(writer, model, names, x, model.intermediate, count, bias=model.up_bias)
    if not second:
        return basic.activation(writer, first, model.activation)
    gate, up = (first, *second) if model.gate_first else (*second, first)
    return layers.gated(writer, gate, up, model.activation)


def _lookup(writer: GraphWriter, model: PostNorm, name: str, ids: str, rows: int) -> str:
    if model.adapters is not None:
        return low_rank.lookup(writer, model.adapters, name, ids, rows, model.hidden)
    return basic.lookup(writer, writer.table(f"{name}.weight", (rows, model.hidden)), ids)


def _parts(
    writer: GraphWriter, model: PostNorm, names: Sequence[str], x: str, width: int, count: int, *, bias: bool
) -> list[str]:
    """So many linear layers of that width, which are stored each by itself or all as one."""
    if len(names) == count:
        return [_linear(writer, model, name, x, model.hidden, width, bias=bias) for name in names]
    (name,) = names
    if model.adapters is None:
        fine = _VALUES if count == _VALUES + 1 else None
        return layers.linear_parts(writer, name, x, model.hidden, count * width, parts=count, bias=bias, fine=fine)
    whole = _linear(writer, model, name, x, model.hidden, count * width, bias=bias)
    return writer.nodes("Split", whole, outputs=count, axis=1, num_outputs=count)


def _linear(
    writer: GraphWriter, model: PostNorm, name: str, x: str, width_in: int, width_out: int, *, bias: bool
) -> str:
    if model.adapters is not None:
        return low_rank.linear(writer, model.adapters, name, x, width_in, width_out, bias=bias)
    return layers.linear(writer, name, x, width_in, width_out, bias=bias)


def _norm(writer: GraphWriter, model: PostNorm, name: str, x: str) -> str:
    return layers.norm(writer, name, x, model.hidden, model.epsilon)


def layout(model: PostNorm) -> Layout:
    """The same as data.

    Raises:
        UnsupportedModelError: queries and keys are normalized, the input is added once more, or there are adapters.
    """
    names, rotary = model.names, model.turns is not None
    if names.qk_norms or names.residual_norm or model.adapters is not None:
        raise refuse("An encoder with norms of queries and keys, or with adapters,")

    def layer(name: str) -> LayerLayout:
        up = parts(tuple(name + part for part in names.mlp), 1 + model.gated, bias=model.up_bias)
        return LayerLayout(
            qkv=parts(tuple(name + part for part in names.qkv), 3, bias=model.attention_bias),
            out=Rows(name + names.out, bias=model.attention_bias),
            up=up if model.gate_first else up[::-1],
            down=Rows(name + names.down, bias=model.down_bias),
            middle=name + names.attention_norm,
            last=name + names.mlp_norm,
            turns=0 if rotary else None,
        )

    return Layout(
        hidden=model.hidden,
        heads=model.heads,
        intermediate=model.intermediate,
        activation=basic.activation_kind(model.activation),
        epsilon=model.epsilon,
        words=f"{_WORDS}.weight",
        types=f"{_TYPES}.weight" if model.types else None,
        embedding_norm=names.norm,
        layers=tuple(layer(names.layer.format(number)) for number in range(model.layers)),
        turns=() if model.turns is None else (model.turns,),
        slopes=None if rotary else slopes(model.heads),
    )
