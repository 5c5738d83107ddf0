"""Encoders that keep BERT's order, a norm behind attention and one behind the MLP, and turn positions by angles.

What tells them apart is data: the names of tensors, which layers have biases, how the MLP is made.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rapidembed.graph import blocks, heads, layers
from rapidembed.graph.attention import Projections, attend
from rapidembed.graph.inputs import Inputs
from rapidembed.graph.rotary import Rotary, rotary
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry import SparseWeights
from rapidembed.registry.config_file import ConfigFile

ANCHOR = "embeddings.word_embeddings.weight"
TYPES = "embeddings.token_type_embeddings.weight"


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What tensors are called, up to ``.weight`` and ``.bias``."""

    norm: str
    """Of the embeddings."""
    layer: str
    """Beginning of a layer's, with its number in braces; the rest are its parts."""
    qkv: str
    """Queries, keys and values in one matrix."""
    out: str
    attention_norm: str
    mlp: tuple[str, ...]
    """The matrices that widen: one; a gated MLP's two, the one that is activated last; or both in one."""
    down: str
    mlp_norm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PostNorm:
    """The values of config.json that change numbers, and the names of tensors."""

    names: Names
    vocab: int
    types: int
    """Texts that tokens may belong to; 0: the model does not tell them apart."""
    hidden: int
    layers: int
    heads: int
    intermediate: int
    activation: str
    epsilon: float
    turns: NDArray[np.float32]
    """See :func:`rapidembed.graph.rotary.read_turns`."""
    mlp: Literal["plain", "gated", "packed"]
    """Whether a gate, a matrix of its own or one with the other, is activated; or what there is."""
    attention_bias: bool
    up_bias: bool
    down_bias: bool


def encode(writer: GraphWriter, model: PostNorm, inputs: Inputs, *, first_only: bool = False) -> tuple[str, int]:
    """Write the encoder, see :func:`rapidembed.graph.bert.encode`."""
    hidden = model.hidden
    x = blocks.lookup(writer, writer.table(ANCHOR, (model.vocab, hidden)), inputs.ids)
    if model.types:
        types = writer.weight(TYPES, (model.types, hidden))
        if inputs.types is None or model.types == 1:
            types = blocks.leading_rows(writer, types, writer.ints(1))
        else:
            types = blocks.lookup(writer, types, inputs.types)
        x = writer.node("Add", x, types)
    shape = writer.node("Concat", writer.node("Shape", inputs.ids), writer.ints(hidden), axis=0)
    x = _norm(writer, model, model.names.norm, blocks.flatten(writer, x, hidden))
    angles = rotary(writer, inputs.ids, model.turns)
    for layer in range(model.layers):
        first = first_only and layer == model.layers - 1
        x = _layer(writer, model, model.names.layer.format(layer), x, shape, angles, inputs, first_only=first)
    return x if first_only else writer.node("Reshape", x, shape), hidden


def words(
    writer: GraphWriter,
    config: ConfigFile,
    model: PostNorm,
    x: str,
    names: heads.Words,
    sparse: SparseWeights,
    mask: str | None,
) -> str:
    """Write the masked-language-model head, see :func:`rapidembed.graph.heads.mlm`."""
    tied = config.flag("tie_word_embeddings", True)
    return heads.mlm(
        writer,
        x,
        model.hidden,
        names=names,
        projection=(writer.full_name(ANCHOR) if tied else f"{names.decoder}weight", names.bias),
        words=model.vocab,
        activation=model.activation,
        epsilon=model.epsilon,
        sparse=sparse,
        mask=mask,
    )


def _layer(
    writer: GraphWriter,
    model: PostNorm,
    name: str,
    x: str,
    shape: str,
    angles: Rotary,
    inputs: Inputs,
    *,
    first_only: bool,
) -> str:
    names, hidden, bias = model.names, model.hidden, model.attention_bias
    packed = layers.linear(writer, name + names.qkv, x, hidden, 3 * hidden, bias=bias)
    tokens = writer.node("Concat", writer.node("Shape", inputs.ids), writer.ints(3 * hidden), axis=0)
    q, k, v = writer.nodes("Split", writer.node("Reshape", packed, tokens), outputs=3, axis=2, num_outputs=3)
    parts = Projections(q, k, v, model.heads, hidden // model.heads)
    attended = attend(writer, parts, inputs, rotary=angles, first_only=first_only)
    attended = layers.linear(writer, name + names.out, attended, hidden, hidden, bias=bias)
    if first_only:
        x = blocks.first_token(writer, writer.node("Reshape", x, shape))
    x = _norm(writer, model, name + names.attention_norm, writer.node("Add", x, attended))
    inner = layers.linear(
        writer, name + names.down, _widened(writer, model, name, x), model.intermediate, hidden, bias=model.down_bias
    )
    return _norm(writer, model, name + names.mlp_norm, writer.node("Add", x, inner))


def _widened(writer: GraphWriter, model: PostNorm, name: str, x: str) -> str:
    wide = (2 if model.mlp == "packed" else 1) * model.intermediate
    up, *gate = (
        layers.linear(writer, name + part, x, model.hidden, wide, bias=model.up_bias) for part in model.names.mlp
    )
    if model.mlp == "packed":
        return layers.gated(writer, up, model.activation, gate_first=False)
    if model.mlp == "plain":
        return blocks.activation(writer, up, model.activation)
    return writer.node("Mul", up, blocks.activation(writer, gate[0], model.activation))


def _norm(writer: GraphWriter, model: PostNorm, name: str, x: str) -> str:
    return layers.norm(writer, name, x, model.hidden, model.epsilon)
