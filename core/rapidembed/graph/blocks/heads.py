"""What follows the encoder, as graph nodes: the modules of sentence-transformers and the heads of transformers."""

from dataclasses import dataclass

import numpy as np

from rapidembed.graph.blocks import basic, modules
from rapidembed.graph.blocks.pooling import after
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry import Layer


@dataclass(frozen=True, slots=True, kw_only=True)
class Classifier:
    """The layers of a ``ForSequenceClassification``: a matrix, then the labels'."""

    dense: str
    activation: str
    """What stands between them, an operator of ONNX."""
    output: str = "classifier"


BERT_CLASSIFIER = Classifier(dense="pooler.dense", activation="Tanh")
ROBERTA_CLASSIFIER = Classifier(dense="classifier.dense", activation="Tanh", output="classifier.out_proj")


def token_vectors(writer: GraphWriter, x: str, hidden: int, layers: tuple[Layer, ...]) -> str:
    """Dense modules on every token: (batch, tokens, hidden) -> (batch, tokens, width of the last module)."""
    if not layers:
        return x
    shape = writer.node("Concat", writer.node("Shape", x, start=0, end=2), writer.ints(-1), axis=0)
    x = basic.flatten(writer, x, hidden)
    for layer in layers:
        x = modules.follow(writer, x, layer)
    return writer.node("Reshape", x, shape)


def classify(writer: GraphWriter, x: str, hidden: int, labels: int, names: Classifier = BERT_CLASSIFIER) -> str:
    """The classifier of a ``ForSequenceClassification``: (batch, hidden) -> logits (batch, labels).

    Args:
        x: the first token's hidden state.
        hidden: its width.
        labels: width of the classifier.
        names: its tensors.
    """
    x = writer.node(names.activation, project(writer, names.dense, x, hidden, hidden, exact=True))
    return project(writer, names.output, x, hidden, labels, exact=True)


def hybrid(writer: GraphWriter, x: str, hidden: int) -> str:
    """All that BGE-M3 makes of its token vectors, in one array: (batch, tokens, hidden) -> (batch, tokens, hidden + 1).

    The first row begins with the vector of the text, the others with those of their tokens; each ends with the token's
    weight, which counts where it is positive.
    """
    shape = writer.node("Concat", writer.node("Shape", x, start=0, end=2), writer.ints(-1), axis=0)
    flat = basic.flatten(writer, x, hidden)

    def layer(name: str, width: int) -> str:
        weight = writer.external(f"{name}/weight", (width, hidden))
        y = basic.linear(writer, flat, weight, writer.external(f"{name}/bias", (width,)), exact=width == 1)
        return writer.node("Reshape", y, shape)

    first = writer.node("Slice", x, writer.ints(0), writer.ints(1), writer.ints(1))
    others = after(writer, layer("token_vectors", hidden), writer.ints(1))
    vectors = writer.node("Concat", first, others, axis=1)
    return writer.node("Concat", vectors, layer("token_weights", 1), axis=2)


def attention(writer: GraphWriter, q: str, k: str, *, heads: int, width: int, mask: str | None) -> str:
    """How much the first token attends to each token, the mean over the heads: (batch, tokens).

    Args:
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
    scores = writer.node("Mul", writer.node("MatMul", q, k), basic.scalar(writer, width**-0.5))
    if mask is not None:
        hidden = writer.node("Sub", mask, basic.scalar(writer, 1.0))
        hidden = writer.node("Mul", hidden, basic.scalar(writer, 1e9))
        scores = writer.node("Add", scores, writer.node("Unsqueeze", hidden, writer.ints(1, 2)))
    shares = writer.node("Squeeze", writer.node("Softmax", scores, axis=-1), writer.ints(2))
    # The mean as a product for each text: the last place of ReduceMean depends on whether the batch has one or more.
    mean = writer.constant(np.full((1, 1, heads), 1 / heads, np.float32))
    return writer.node("Squeeze", writer.node("MatMul", mean, shares), writer.ints(1))


def project(writer: GraphWriter, name: str, x: str, width_in: int, width_out: int, *, exact: bool = False) -> str:
    """A linear layer whose tensors lie beside the encoder's, or among them."""
    weight, bias = (writer.find(writer.full_name(f"{name}.{part}"), f"{name}.{part}") for part in ("weight", "bias"))
    weight = writer.external(weight, (width_out, width_in))
    return basic.linear(writer, x, weight, writer.external(bias, (width_out,)), exact=exact)
