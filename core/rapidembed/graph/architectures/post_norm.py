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
        model = self.read(config, writer.has, inputs.task)
        x = _embeddings(writer, model, inputs)
        written = _Layers(
            writer,
            model,
            inputs,
            tokens=writer.node("Shape", inputs.ids),
            rotary=None if model.turns is None else rotary(writer, inputs.ids, model.turns),
            bias=alibi(writer, inputs.ids, model.heads) if model.turns is None else None,
        )
        for layer in range(model.layers):
            first = first_only and layer == model.layers - 1
            x = written.write(model.names.layer.format(layer), x, first_only=first)
        return x if first_only else written.by_text(x), model.hidden

    def layout(self, config: ConfigFile, has: Callable[[str], bool]) -> Layout:
        """Tell the encoder as data, see :class:`rapidembed.graph.architecture.ReadLayout`."""
        model = self.read(config, has, None)
        names = model.names
        if names.qk_norms or names.residual_norm or model.adapters is not None:
            raise refuse("An encoder with norms of queries and keys, or with adapters,")
        return Layout(
            hidden=model.hidden,
            heads=model.heads,
            intermediate=model.intermediate,
            activation=basic.activation_kind(model.activation),
            epsilon=model.epsilon,
            words=f"{_WORDS}.weight",
            types=f"{_TYPES}.weight" if model.types else None,
            embedding_norm=names.norm,
            layers=tuple(_layer_layout(model, names.layer.format(number)) for number in range(model.layers)),
            turns=() if model.turns is None else (model.turns,),
            slopes=slopes(model.heads) if model.turns is None else None,
        )


def _layer_layout(model: PostNorm, name: str) -> LayerLayout:
    names = model.names
    up = parts(tuple(name + part for part in names.mlp), 1 + model.gated, bias=model.up_bias)
    return LayerLayout(
        qkv=parts(tuple(name + part for part in names.qkv), 3, bias=model.attention_bias),
        out=Rows(name + names.out, bias=model.attention_bias),
        up=up if model.gate_first else up[::-1],
        down=Rows(name + names.down, bias=model.down_bias),
        middle=name + names.attention_norm,
        last=name + names.mlp_norm,
        turns=None if model.turns is None else 0,
    )


def _embeddings(writer: GraphWriter, model: PostNorm, inputs: TextInputs) -> str:
    def looked_up(name: str, ids: str, rows: int) -> str:
        if model.adapters is not None:
            return low_rank.lookup(writer, model.adapters, name, ids, rows, model.hidden)
        return basic.lookup(writer, writer.table(f"{name}.weight", (rows, model.hidden)), ids)

    x = looked_up(_WORDS, inputs.ids, model.vocab)
    if model.types:
        told = inputs.types if inputs.types is not None and model.types > 1 else writer.ints(0)
        x = writer.node("Add", x, looked_up(_TYPES, told, model.types))
    return layers.norm(writer, model.names.norm, basic.flatten(writer, x, model.hidden), model.hidden, model.epsilon)


@dataclass(frozen=True, slots=True)
class _Layers:
    """The layers, and what they share in one forward pass."""

    writer: GraphWriter
    model: PostNorm
    inputs: TextInputs
    tokens: str
    """(batch, tokens): a shape."""
    rotary: Rotary | None
    bias: str | None

    def write(self, name: str, x: str, *, first_only: bool) -> str:
        """Write one, whose tensors' names begin so, from and to (batch x tokens, hidden)."""
        writer, model, names, hidden = self.writer, self.model, self.model.names, self.model.hidden
        qkv = self._parts([name + part for part in names.qkv], x, hidden, 3, bias=model.attention_bias)
        for number, norm in enumerate(names.qk_norms):
            qkv[number] = self._norm(name + norm, qkv[number])
        q, k, v = map(self.by_text, qkv)
        projections = Projections(q, k, v, model.heads, hidden // model.heads)
        y = attend(writer, projections, self.inputs, rotary=self.rotary, bias=self.bias, first_only=first_only)
        y = self._linear(name + names.out, y, hidden, hidden, bias=model.attention_bias)
        if first_only:
            x = basic.first_token(writer, self.by_text(x))
        y = self._norm(name + names.attention_norm, writer.node("Add", x, y))
        if names.residual_norm is not None:
            y = self._norm(name + names.residual_norm, writer.node("Add", x, y))
        inner = self._widened(name, y)
        inner = self._linear(name + names.down, inner, model.intermediate, hidden, bias=model.down_bias)
        return self._norm(name + names.mlp_norm, writer.node("Add", y, inner))

    def by_text(self, x: str) -> str:
        """(batch x tokens, hidden) -> (batch, tokens, hidden)."""
        writer = self.writer
        shape = writer.node("Concat", self.tokens, writer.ints(self.model.hidden), axis=0)
        return writer.node("Reshape", x, shape)

    def _widened(self, name: str, x: str) -> str:
        model, names = self.model, [name + part for part in self.model.names.mlp]
        count = 2 if model.gated else 1
        first, *second = self._parts(names, x, model.intermediate, count, bias=model.up_bias)
        if not second:
            return basic.activation(self.writer, first, model.activation)
        gate, up = (first, *second) if model.gate_first else (*second, first)
        return layers.gated(self.writer, gate, up, model.activation)

    def _parts(self, names: Sequence[str], x: str, width: int, count: int, *, bias: bool) -> list[str]:
        """So many linear layers of that width, which are stored each by itself or all as one."""
        writer, hidden = self.writer, self.model.hidden
        if len(names) == count:
            return [self._linear(name, x, hidden, width, bias=bias) for name in names]
        (name,) = names
        if self.model.adapters is None:
            fine = _VALUES if count == _VALUES + 1 else None
            return layers.linear_parts(writer, name, x, hidden, count * width, parts=count, bias=bias, fine=fine)
        whole = self._linear(name, x, hidden, count * width, bias=bias)
        return writer.nodes("Split", whole, outputs=count, axis=1, num_outputs=count)

    def _linear(self, name: str, x: str, width_in: int, width_out: int, *, bias: bool) -> str:
        if self.model.adapters is not None:
            return low_rank.linear(self.writer, self.model.adapters, name, x, width_in, width_out, bias=bias)
        return layers.linear(self.writer, name, x, width_in, width_out, bias=bias)

    def _norm(self, name: str, x: str) -> str:
        return layers.norm(self.writer, name, x, self.model.hidden, self.model.epsilon)
