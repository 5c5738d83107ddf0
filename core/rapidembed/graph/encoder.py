"""The encoder that BERT and its kin share: embeddings, then layers of attention and two matrices, each with its norm.

What tells them apart is data: the names of fields and tensors, where positions begin, what is added to the scores.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from rapidembed.errors import IntegrityError, UnsupportedModelError
from rapidembed.graph import blocks, heads
from rapidembed.graph.inputs import Inputs
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry import SparseWeights
from rapidembed.registry.config_file import ConfigFile

ANCHOR = "embeddings.word_embeddings.weight"
_SAME: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """The fields of config.json that change numbers in every one of them."""

    vocab: int
    embedding: int
    """Width of the embeddings; where it is not ``hidden`` they are projected."""
    hidden: int
    layers: int
    heads: int
    intermediate: int
    positions: int
    types: int
    """Texts that tokens may belong to; 0: the model does not tell them apart."""
    activation: str
    epsilon: float
    """Of layer normalization."""

    @classmethod
    def read(
        cls,
        config: ConfigFile,
        *,
        names: Mapping[str, str] = _SAME,
        types: int | None = None,
        embedding: int | None = None,
    ) -> "Sizes":
        """Take the fields.

        Args:
            config: config.json.
            names: what the architecture calls fields that have another name in BERT.
            types: number of token types, where no field says it.
            embedding: width of the embeddings, where it is not ``hidden_size``.

        Raises:
            UnsupportedModelError, IntegrityError: name the field and its value.
        """

        def positive(name: str) -> int:
            return config.positive(names.get(name, name))

        epsilon = config.values.get("layer_norm_eps", 1e-12)
        if not isinstance(epsilon, float) or epsilon <= 0:
            raise IntegrityError(f"{config.path}: expected a positive layer_norm_eps, got {epsilon!r}.")
        hidden, heads = positive("hidden_size"), positive("num_attention_heads")
        if hidden % heads:
            raise UnsupportedModelError(
                f"{config.path}: hidden_size {hidden} is not a multiple of {heads} attention heads."
            )
        return cls(
            vocab=positive("vocab_size"),
            embedding=embedding or hidden,
            hidden=hidden,
            layers=positive("num_hidden_layers"),
            heads=heads,
            intermediate=positive("intermediate_size"),
            positions=positive("max_position_embeddings"),
            types=positive("type_vocab_size") if types is None else types,
            activation=config.text(names.get("hidden_act", "hidden_act"), "gelu"),
            epsilon=epsilon,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerNames:
    """What the tensors of a layer are called, up to ``weight`` and ``bias``; the defaults are BERT's."""

    query: str = "attention.self.query."
    key: str = "attention.self.key."
    value: str = "attention.self.value."
    attended: str = "attention.output.dense."
    attended_norm: str = "attention.output.LayerNorm."
    inner: str = "intermediate.dense."
    outer: str = "output.dense."
    outer_norm: str = "output.LayerNorm."


_BERT = LayerNames()


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


def embeddings(writer: GraphWriter, sizes: Sizes, inputs: Inputs, *, padding: int | None = None) -> str:
    """Embeddings of words, positions and types, normalized: (batch, tokens, width of the embeddings).

    Args:
        writer: takes the nodes.
        sizes: the model's.
        inputs: names of the graph's inputs.
        padding: the padding token, where positions are counted from the one behind it, and only over other tokens;
            None: the first token is at position 0.
    """
    width = sizes.embedding
    words = blocks.lookup(writer, writer.table(ANCHOR, (sizes.vocab, width)), inputs.ids)
    table = writer.weight("embeddings.position_embeddings.weight", (sizes.positions, width))
    if padding is None:
        addend = blocks.leading_rows(writer, table, writer.node("Shape", inputs.ids, start=1, end=2))
    else:
        addend = blocks.lookup(writer, table, blocks.numbered(writer, inputs.ids, padding))
    if sizes.types:
        types = writer.weight("embeddings.token_type_embeddings.weight", (sizes.types, width))
        # With one text per row every token is of type 0.
        of_type = (
            blocks.leading_rows(writer, types, writer.ints(1))
            if inputs.types is None
            else blocks.lookup(writer, types, inputs.types)
        )
        addend = writer.node("Add", of_type, addend)
    return norm(writer, "embeddings.LayerNorm.", writer.node("Add", words, addend), width, sizes.epsilon)


def layers(
    writer: GraphWriter,
    sizes: Sizes,
    names: Sequence[str],
    x: str,
    inputs: Inputs,
    *,
    parts: LayerNames = _BERT,
    bias: Bias | None = None,
    scale: float | None = None,
    first_only: bool,
) -> str:
    """The layers, one after another.

    Args:
        writer: takes the nodes.
        sizes: the model's.
        names: beginning of the tensor names of each layer; layers that share their weights have the same.
        x: the embeddings, (batch, tokens, hidden).
        inputs: names of the graph's inputs.
        parts: what follows in the tensor names.
        bias: added to the scores of attention.
        scale: factor of the scores; None: one over the square root of a head's width.
        first_only: compute the last layer for the first token of each text only.

    Returns:
        (batch, tokens, hidden) or, with ``first_only``, (batch, hidden).
    """
    shape = writer.node("Concat", writer.node("Shape", inputs.ids), writer.ints(sizes.hidden), axis=0)
    x = blocks.flatten(writer, x, sizes.hidden)
    for number, name in enumerate(names, 1):
        first = first_only and number == len(names)
        attended, x = _attention(writer, sizes, name, x, shape, inputs, parts, bias, scale, first_only=first)
        x = _rest(writer, sizes, name, attended, x, parts)
    return x if first_only else writer.node("Reshape", x, shape)


def words(
    writer: GraphWriter,
    config: ConfigFile,
    x: str,
    sizes: Sizes,
    names: heads.Words,
    sparse: SparseWeights,
    mask: str | None,
) -> str:
    """The masked-language-model head, see :func:`rapidembed.graph.heads.mlm`."""
    own = f"{names.decoder}bias"
    # Checkpoints may hold both; this says which counts.
    if config.flag("tie_word_embeddings", True):
        projection = (writer.full_name(ANCHOR), writer.find(names.bias, own))
    else:
        projection = (f"{names.decoder}weight", writer.find(own, names.bias))
    return heads.mlm(
        writer,
        x,
        sizes.hidden,
        names=names,
        projection=projection,
        words=sizes.vocab,
        activation=sizes.activation,
        epsilon=sizes.epsilon,
        sparse=sparse,
        mask=mask,
    )


def _attention(
    writer: GraphWriter,
    sizes: Sizes,
    name: str,
    x: str,
    shape: str,
    inputs: Inputs,
    parts: LayerNames,
    bias: Bias | None,
    scale: float | None,
    *,
    first_only: bool,
) -> tuple[str, str]:
    """What attention gives, and ``x`` for the tokens that it gives it for; both (texts x tokens, hidden)."""
    hidden, width = sizes.hidden, sizes.hidden // sizes.heads
    k, v = (
        writer.node("Reshape", project(writer, f"{name}{part}", x, hidden, hidden), shape)
        for part in (parts.key, parts.value)
    )
    if first_only:
        x = blocks.first_token(writer, writer.node("Reshape", x, shape))
        q = writer.node("Unsqueeze", project(writer, f"{name}{parts.query}", x, hidden, hidden), writer.ints(1))
    else:
        q = writer.node("Reshape", project(writer, f"{name}{parts.query}", x, hidden, hidden), shape)
    added = None
    if bias is not None:
        added = bias(name, q, k, first_only=first_only)
        if inputs.penalty is not None:
            added = writer.node("Add", added, writer.node("Transpose", inputs.penalty, perm=[0, 2, 3, 1]))
    elif inputs.penalty is not None:
        q, k = blocks.penalized(writer, q, k, inputs.penalty, heads=sizes.heads, width=width)
        scale = width**-0.5 if scale is None else scale
    attended = blocks.self_attention(writer, q, k, v, heads=sizes.heads, mask=inputs.mask, scale=scale, bias=added)
    return blocks.flatten(writer, attended, hidden), x


def _rest(writer: GraphWriter, sizes: Sizes, name: str, attended: str, x: str, parts: LayerNames) -> str:
    """The layer from what attention gives to its end, on 2-D values."""
    hidden, inner = sizes.hidden, sizes.intermediate
    attended = project(writer, f"{name}{parts.attended}", attended, hidden, hidden)
    # Add and LayerNormalization beat the fused SkipLayerNormalization on CPU by a tenth of the whole forward pass.
    x = norm(writer, f"{name}{parts.attended_norm}", writer.node("Add", attended, x), hidden, sizes.epsilon)
    y = blocks.activation(writer, project(writer, f"{name}{parts.inner}", x, hidden, inner), sizes.activation)
    y = project(writer, f"{name}{parts.outer}", y, inner, hidden)
    return norm(writer, f"{name}{parts.outer_norm}", writer.node("Add", y, x), hidden, sizes.epsilon)


def project(writer: GraphWriter, name: str, x: str, width_in: int, width_out: int) -> str:
    """A linear layer of the encoder, on 2-D ``x``."""
    weight = writer.weight(f"{name}weight", (width_out, width_in))
    return blocks.linear(writer, x, weight, writer.weight(f"{name}bias", (width_out,)))


def norm(writer: GraphWriter, name: str, x: str, width: int, epsilon: float) -> str:
    """A layer normalization of the encoder."""
    # TensorFlow's names, gamma and beta, are still in checkpoints that were converted early.
    weight = writer.weight(f"{name}weight", (width,), f"{name}gamma")
    bias = writer.weight(f"{name}bias", (width,), f"{name}beta")
    return blocks.layer_norm(writer, x, weight, bias, epsilon)
