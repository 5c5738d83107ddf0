"""The encoder that BERT and its kin share: embeddings, then layers of attention and two matrices, each with its norm.

What tells them apart is data: the names of fields and tensors, where positions begin, what is added to the scores.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from rapidembed.graph.blocks import basic, heads, layers
from rapidembed.graph.blocks.self_attention import penalized, self_attention
from rapidembed.graph.blocks.sizes import Sizes
from rapidembed.graph.inputs import TextInputs
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry.config_file import ConfigFile
from rapidembed.registry.encoder_config import read_hidden

ANCHOR = "embeddings.word_embeddings.weight"
POSITIONS = "embeddings.position_embeddings.weight"
TYPES = "embeddings.token_type_embeddings.weight"


@dataclass(frozen=True, slots=True, kw_only=True)
class BertSizes(Sizes):
    """The fields of config.json that change numbers in every one of them."""

    embedding: int
    """Width of the embeddings; where it is not ``hidden`` they are projected."""
    positions: int
    types: int
    """Texts that tokens may belong to; 0: the model does not tell them apart."""


def read_bert(config: ConfigFile, *, types: int | None = None, embedding: int | None = None, **how: Any) -> BertSizes:
    """Take the fields.

    Args:
        types: number of token types, where no field says it.
        embedding: width of the embeddings, where it is not that of the hidden state.
        how: see :meth:`rapidembed.graph.blocks.sizes.Sizes.read`.
    """
    return BertSizes.read(
        config,
        embedding=embedding or read_hidden(config),
        positions=config.positive("max_position_embeddings"),
        types=config.positive("type_vocab_size") if types is None else types,
        **how,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerNames:
    """What the parts of a layer are called; the defaults are BERT's."""

    query: str = "attention.self.query"
    key: str = "attention.self.key"
    value: str = "attention.self.value"
    attended: str = "attention.output.dense"
    attended_norm: str = "attention.output.LayerNorm"
    inner: str = "intermediate.dense"
    outer: str = "output.dense"
    outer_norm: str = "output.LayerNorm"


class Bias(Protocol):
    """Makes what is added to the scores of attention, beyond the product of queries and keys."""

    def __call__(self, layer: str, q: str, k: str, *, first_only: bool) -> str:
        """Write it.

        Args:
            layer: beginning of the layer's tensor names.
            q: queries, (batch, tokens, hidden), or of the first token alone, (batch, 1, hidden).
            k: keys, (batch, tokens, hidden).
            first_only: whether the queries are of the first token alone.

        Returns:
            float32 (batch or 1, heads, queries, tokens).
        """


def embeddings(
    writer: GraphWriter, sizes: BertSizes, inputs: TextInputs, *, positions: bool = True, padding: int | None = None
) -> str:
    """Embeddings of words, positions and types, normalized: (batch x tokens, width of the embeddings).

    Args:
        sizes: the model's.
        positions: whether they are embedded.
        padding: the padding token, where positions are counted from the one behind it, and only over other tokens;
            None: the first token is at position 0.
    """
    width = sizes.embedding
    words = basic.lookup(writer, writer.table(ANCHOR, (sizes.vocab, width)), inputs.ids)
    addends = [_positions(writer, sizes, inputs, padding)] if positions else []
    if sizes.types:
        addends.append(_types(writer, sizes, inputs))
    if addends:
        # The sum of both first: where it is the same for all rows it is the smaller one.
        words = writer.node("Add", words, addends[0] if len(addends) == 1 else writer.node("Add", *addends))
    x = layers.norm(writer, "embeddings.LayerNorm", words, width, sizes.epsilon)
    return basic.flatten(writer, x, width)


def _positions(writer: GraphWriter, sizes: BertSizes, inputs: TextInputs, padding: int | None) -> str:
    table = writer.weight(POSITIONS, (sizes.positions, sizes.embedding))
    if padding is None:
        return basic.leading_rows(writer, table, writer.node("Shape", inputs.ids, start=1, end=2))
    return basic.lookup(writer, table, basic.numbered(writer, inputs.ids, padding))


def _types(writer: GraphWriter, sizes: BertSizes, inputs: TextInputs) -> str:
    table = writer.weight(TYPES, (sizes.types, sizes.embedding))
    if inputs.types is not None:
        return basic.lookup(writer, table, inputs.types)
    return basic.leading_rows(writer, table, writer.ints(1))  # with one text per row every token is of type 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """The layers of an encoder, and what they have in common."""

    writer: GraphWriter
    sizes: BertSizes
    inputs: TextInputs
    parts: LayerNames = field(default_factory=LayerNames)
    bias: Bias | None = None
    """Added to the scores of attention."""
    scale: float | None = None
    """Factor of the scores; None: one over the square root of a head's width."""

    def write(self, names: Sequence[str], x: str, *, first_only: bool) -> str:
        """Write them, one after another.

        Args:
            names: beginning of the tensor names of each layer; layers that share their weights have the same.
            x: the embeddings, (batch x tokens, hidden).
            first_only: compute the last layer for the first token of each text only.

        Returns:
            (batch, tokens, hidden) or, with ``first_only``, (batch, hidden).
        """
        writer = self.writer
        shape = writer.node("Concat", writer.node("Shape", self.inputs.ids), writer.ints(self.sizes.hidden), axis=0)
        for number, name in enumerate(names, 1):
            attended, x = self._attention(name, x, shape, first_only=first_only and number == len(names))
            x = self._rest(name, attended, x)
        return x if first_only else writer.node("Reshape", x, shape)

    def first_attention(self, names: Sequence[str], x: str, mask: str | None) -> str:
        """Write them up to the attention of the last one, see :func:`rapidembed.graph.blocks.heads.attention`.

        Args:
            names: as for :meth:`write`.
            x: the embeddings, (batch x tokens, hidden).
            mask: float32 (batch, tokens), 1 for real tokens; None without padding.
        """
        writer, hidden, last = self.writer, self.sizes.hidden, names[-1]
        writer.leave_out(last)
        x = self.write(names[:-1], x, first_only=False)
        shape = writer.node("Shape", x)
        q = layers.linear(writer, f"{last}{self.parts.query}", basic.first_token(writer, x), hidden, hidden)
        k = layers.linear(writer, f"{last}{self.parts.key}", basic.flatten(writer, x, hidden), hidden, hidden)
        k = writer.node("Reshape", k, shape)
        return heads.attention(writer, q, k, heads=self.sizes.heads, width=hidden // self.sizes.heads, mask=mask)

    def _attention(self, name: str, x: str, shape: str, *, first_only: bool) -> tuple[str, str]:
        """What attention gives, and ``x`` for the tokens that it gives it for; both (batch x tokens, hidden)."""
        writer, hidden = self.writer, self.sizes.hidden

        def projected(part: str, x: str) -> str:
            return layers.linear(writer, f"{name}{part}", x, hidden, hidden, fine=part == self.parts.value)

        k, v = (writer.node("Reshape", projected(part, x), shape) for part in (self.parts.key, self.parts.value))
        if first_only:
            x = basic.first_token(writer, writer.node("Reshape", x, shape))
            q = writer.node("Unsqueeze", projected(self.parts.query, x), writer.ints(1))
        else:
            q = writer.node("Reshape", projected(self.parts.query, x), shape)
        return basic.flatten(writer, self._attended(name, q, k, v, first_only=first_only), hidden), x

    def _attended(self, name: str, q: str, k: str, v: str, *, first_only: bool) -> str:
        writer, heads, penalty = self.writer, self.sizes.heads, self.inputs.penalty
        scale, bias = self.scale, None
        if self.bias is not None:
            bias = self.bias(name, q, k, first_only=first_only)
            if penalty is not None:
                bias = writer.node("Add", bias, writer.node("Transpose", penalty, perm=[0, 2, 3, 1]))
        elif penalty is not None:
            width = self.sizes.hidden // heads
            q, k = penalized(writer, q, k, penalty, heads=heads, width=width)
            scale = scale or width**-0.5
        return self_attention(writer, q, k, v, heads=heads, mask=self.inputs.mask, scale=scale, bias=bias)

    def _rest(self, name: str, attended: str, x: str) -> str:
        """A layer from what attention gives to its end, on 2-D values."""
        writer, parts, hidden, inner = self.writer, self.parts, self.sizes.hidden, self.sizes.intermediate
        y = layers.linear(writer, f"{name}{parts.attended}", attended, hidden, hidden)
        # Add and LayerNormalization beat the fused SkipLayerNormalization on CPU by a tenth of the whole forward pass.
        x = layers.norm(writer, f"{name}{parts.attended_norm}", writer.node("Add", y, x), hidden, self.sizes.epsilon)
        y = layers.linear(writer, f"{name}{parts.inner}", x, hidden, inner)
        y = layers.linear(
            writer, f"{name}{parts.outer}", basic.activation(writer, y, self.sizes.activation), inner, hidden
        )
        return layers.norm(writer, f"{name}{parts.outer_norm}", writer.node("Add", y, x), hidden, self.sizes.epsilon)
