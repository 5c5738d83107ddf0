"""What follows the encoder, as graph nodes: the modules of sentence-transformers and the heads of transformers."""

from dataclasses import dataclass

import numpy as np

from rapidembed.graph import blocks, modules
from rapidembed.graph.pooling import after
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry import Layer, SparseWeights

_WORDS_AT_ONCE = 4096
"""Of the vocabulary: with a batch of 512 tokens their logits fill 8 MB, which stay in the cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Classifier:
    """The tensors of a ``ForSequenceClassification``, up to ``weight`` and ``bias``: a matrix, then the labels'."""

    dense: str
    activation: str
    """What stands between them, an operator of ONNX."""
    output: str = "classifier."


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The tensors of a ``ForMaskedLM``, up to ``weight`` and ``bias``: a matrix, its norm, then the words'."""

    dense: str
    norm: str
    decoder: str
    bias: str
    """Full name of the words' bias, which may also be called as the decoder's."""
    activation: str | None = None
    """Behind the first matrix; None: the encoder's."""


BERT_CLASSIFIER = Classifier(dense="pooler.dense.", activation="Tanh")
BERT_WORDS = Words(
    dense="cls.predictions.transform.dense.",
    norm="cls.predictions.transform.LayerNorm.",
    decoder="cls.predictions.decoder.",
    bias="cls.predictions.bias",
)
ROBERTA_CLASSIFIER = Classifier(dense="classifier.dense.", activation="Tanh", output="classifier.out_proj.")
ROBERTA_WORDS = Words(
    dense="lm_head.dense.",
    activation="gelu",
    norm="lm_head.layer_norm.",
    decoder="lm_head.decoder.",
    bias="lm_head.bias",
)


def penalty(writer: GraphWriter, mask: str) -> str:
    """An attention mask, int64 (batch, tokens), as :attr:`rapidembed.graph.inputs.Inputs.penalty`."""
    hidden = writer.node("Sub", writer.node("Cast", mask, to=1), blocks.scalar(writer, 1.0))  # 1: FLOAT
    return writer.node("Unsqueeze", writer.node("Mul", hidden, blocks.scalar(writer, 1e9)), writer.ints(2, 3))


def token_vectors(writer: GraphWriter, x: str, hidden: int, layers: tuple[Layer, ...]) -> str:
    """Dense modules on every token: (batch, tokens, hidden) -> (batch, tokens, width of the last module)."""
    if not layers:
        return x
    shape = writer.node("Concat", writer.node("Shape", x, start=0, end=2), writer.ints(-1), axis=0)
    x = blocks.flatten(writer, x, hidden)
    for layer in layers:
        x = modules.follow(writer, x, layer)
    return writer.node("Reshape", x, shape)


def classify(writer: GraphWriter, x: str, hidden: int, labels: int, names: Classifier = BERT_CLASSIFIER) -> str:
    """The classifier of a ``ForSequenceClassification``: (batch, hidden) -> logits (batch, labels).

    Args:
        writer: takes the nodes.
        x: the first token's hidden state.
        hidden: its width.
        labels: width of the classifier.
        names: its tensors.
    """
    x = writer.node(names.activation, _project(writer, names.dense, x, hidden, hidden, exact=True))
    return _project(writer, names.output, x, hidden, labels, exact=True)


def hybrid(writer: GraphWriter, x: str, hidden: int) -> str:
    """All that BGE-M3 makes of its token vectors, in one array: (batch, tokens, hidden) -> (batch, tokens, hidden + 1).

    The first row begins with the vector of the text, the others with those of their tokens; each ends with the token's
    weight, which counts where it is positive.
    """
    shape = writer.node("Concat", writer.node("Shape", x, start=0, end=2), writer.ints(-1), axis=0)
    flat = blocks.flatten(writer, x, hidden)

    def layer(name: str, width: int) -> str:
        weight = writer.external(f"{name}/weight", (width, hidden))
        y = blocks.linear(writer, flat, weight, writer.external(f"{name}/bias", (width,)), exact=width == 1)
        return writer.node("Reshape", y, shape)

    first = writer.node("Slice", x, writer.ints(0), writer.ints(1), writer.ints(1))
    others = after(writer, layer("token_vectors", hidden), writer.ints(1))
    vectors = writer.node("Concat", first, others, axis=1)
    return writer.node("Concat", vectors, layer("token_weights", 1), axis=2)


def attention(writer: GraphWriter, q: str, k: str, *, heads: int, width: int, mask: str | None) -> str:
    """How much the first token attends to each token, the mean over the heads: (batch, tokens).

    Args:
        writer: takes the nodes.
        q: the first token's queries, (batch, heads x width).
        k: all tokens' keys, (batch, tokens, heads x width).
        heads: of attention.
        width: of a head.
        mask: float32 (batch, tokens), 1 for real tokens; None without padding.
    """
    shape = writer.ints(0, -1, heads, width)
    q = writer.node("Reshape", writer.node("Unsqueeze", q, writer.ints(1)), shape)
    q = writer.node("Transpose", q, perm=[0, 2, 1, 3])
    k = writer.node("Transpose", writer.node("Reshape", k, shape), perm=[0, 2, 3, 1])
    scores = writer.node("Mul", writer.node("MatMul", q, k), blocks.scalar(writer, width**-0.5))
    if mask is not None:
        hidden = writer.node("Sub", mask, blocks.scalar(writer, 1.0))
        hidden = writer.node("Mul", hidden, blocks.scalar(writer, 1e9))
        scores = writer.node("Add", scores, writer.node("Unsqueeze", hidden, writer.ints(1, 2)))
    shares = writer.node("Squeeze", writer.node("Softmax", scores, axis=-1), writer.ints(2))
    # The mean as a product for each text: the last place of ReduceMean depends on whether the batch has one or more.
    mean = writer.constant(np.full((1, 1, heads), 1 / heads, np.float32))
    return writer.node("Squeeze", writer.node("MatMul", mean, shares), writer.ints(1))


def mlm(
    writer: GraphWriter,
    x: str,
    hidden: int,
    *,
    names: Words = BERT_WORDS,
    projection: tuple[str, str],
    words: int,
    activation: str,
    epsilon: float,
    sparse: SparseWeights,
    mask: str | None,
) -> str:
    """The head of a ``ForMaskedLM`` and the pooling of its logits: (batch, tokens, hidden) -> (batch, vocabulary).

    The vocabulary is done in parts, so that logits of all tokens for all words never exist at once.

    Args:
        writer: takes the nodes.
        x: the last hidden state.
        hidden: its width.
        names: the head's tensors.
        projection: names of the tensors that project on the vocabulary, (words, hidden) and (words,).
        words: size of the vocabulary.
        activation: the encoder's.
        epsilon: of layer normalization.
        sparse: how logits are pooled. The largest come out as they are, for the logarithm keeps their order; sums are
            of weights.
        mask: float32 (batch, tokens), 1 for real tokens; None without padding.
    """
    shape = writer.node("Concat", writer.node("Shape", x, start=0, end=2), writer.ints(-1), axis=0)
    x = blocks.flatten(writer, x, hidden)
    x = _project(writer, names.dense, x, hidden, hidden)
    x = blocks.activation(writer, x, names.activation or activation)
    scale = writer.external(writer.find(f"{names.norm}weight", f"{names.norm}gamma"), (hidden,))
    shift = writer.external(writer.find(f"{names.norm}bias", f"{names.norm}beta"), (hidden,))
    x = blocks.layer_norm(writer, x, scale, shift, epsilon)
    return word_weights(writer, x, shape, hidden, projection=projection, words=words, sparse=sparse, mask=mask)


def word_weights(
    writer: GraphWriter,
    x: str,
    shape: str,
    hidden: int,
    *,
    projection: tuple[str, str | None],
    words: int,
    sparse: SparseWeights,
    mask: str | None,
) -> str:
    """Logits of transformed hidden states, pooled: the last part of :func:`mlm`, which see.

    Args:
        writer: takes the nodes.
        x: (batch x tokens, hidden).
        shape: of the logits, (batch, tokens, -1).
        hidden: width of ``x``.
        projection: names of the tensors that project on the vocabulary; the second, the bias, may be missing.
        words: size of the vocabulary.
        sparse: how logits are pooled.
        mask: float32 (batch, tokens), 1 for real tokens; None without padding.
    """
    weight, bias = projection
    pooled = []
    for start in range(0, words, _WORDS_AT_ONCE):
        stop = min(start + _WORDS_AT_ONCE, words)
        shift = writer.rows(bias, (words,), start, stop) if bias else None
        part = writer.rows(weight, (words, hidden), start, stop)
        logits = writer.node("Reshape", blocks.linear(writer, x, part, shift), shape)
        pooled.append(_pool_logits(writer, logits, sparse, mask))
    return writer.node("Concat", *pooled, axis=-1)


def _project(writer: GraphWriter, name: str, x: str, width_in: int, width_out: int, *, exact: bool = False) -> str:
    """A linear layer whose tensors lie beside the encoder's, or among them."""
    weight, bias = (writer.find(writer.full_name(f"{name}{part}"), f"{name}{part}") for part in ("weight", "bias"))
    weight = writer.external(weight, (width_out, width_in))
    return blocks.linear(writer, x, weight, writer.external(bias, (width_out,)), exact=exact)


def _pool_logits(writer: GraphWriter, logits: str, sparse: SparseWeights, mask: str | None) -> str:
    if mask is not None:
        logits = writer.node("Mul", logits, writer.node("Unsqueeze", mask, writer.ints(2)))
    if sparse.pooling == "max":
        return writer.node("ReduceMax", logits, writer.ints(1), keepdims=0)
    weights = writer.node("Relu", logits)
    for _ in range(sparse.logs):
        weights = writer.node("Log", writer.node("Add", weights, blocks.scalar(writer, 1.0)))
    return writer.node("ReduceSum", weights, writer.ints(1), keepdims=0)
