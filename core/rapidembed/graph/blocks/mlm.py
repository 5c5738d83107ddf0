"""The masked-language-model head: weights of the words of the vocabulary."""

from collections.abc import Callable
from dataclasses import dataclass

from rapidembed.graph.blocks import basic
from rapidembed.graph.blocks.heads import project
from rapidembed.graph.blocks.sizes import Sizes
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry import SparseWeights
from rapidembed.registry.config_file import ConfigFile

_WORDS_AT_ONCE = 4096
"""Of the vocabulary: with a batch of 512 tokens their logits fill 8 MB, which stay in the cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MlmNames:
    """The layers of a ``ForMaskedLM``: a matrix, its norm, then the words'."""

    dense: str
    norm: str
    decoder: str
    bias: str
    """Full name of the words' bias, which may also be called as the decoder's."""
    activation: str | None = None
    """Behind the first matrix; None: the encoder's."""


BERT_MLM = MlmNames(
    dense="cls.predictions.transform.dense",
    norm="cls.predictions.transform.LayerNorm",
    decoder="cls.predictions.decoder",
    bias="cls.predictions.bias",
)
ROBERTA_MLM = MlmNames(
    dense="lm_head.dense",
    activation="gelu",
    norm="lm_head.layer_norm",
    decoder="lm_head.decoder",
    bias="lm_head.bias",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MlmHead:
    """Writes the head of a ``ForMaskedLM``, a :class:`rapidembed.graph.architecture.Mlm`.

    The vocabulary is done in parts, so that logits of all tokens for all words never exist at once. The largest come
    out as they are, for the logarithm keeps their order; sums are of weights.
    """

    names: MlmNames
    table: str
    """The words' embeddings, which may also be the projection on the vocabulary."""
    read: Callable[[ConfigFile], Sizes]

    def __call__(self, writer: GraphWriter, config: ConfigFile, x: str, sparse: SparseWeights, mask: str | None) -> str:
        """(batch, tokens, hidden) -> (batch, vocabulary)."""
        sizes, names = self.read(config), self.names
        hidden, own = sizes.hidden, f"{names.decoder}.bias"
        # Checkpoints may hold both; this says which counts.
        if config.flag("tie_word_embeddings", True):
            projection = (writer.full_name(self.table), writer.find(names.bias, own))
        else:
            projection = (f"{names.decoder}.weight", writer.find(own, names.bias))
        shape = writer.node("Concat", writer.node("Shape", x, start=0, end=2), writer.ints(-1), axis=0)
        x = project(writer, names.dense, basic.flatten(writer, x, hidden), hidden, hidden)
        x = basic.activation(writer, x, names.activation or sizes.activation)
        scale = writer.external(writer.find(f"{names.norm}.weight", f"{names.norm}.gamma"), (hidden,))
        shift = writer.external(writer.find(f"{names.norm}.bias", f"{names.norm}.beta"), (hidden,))
        x = basic.layer_norm(writer, x, scale, shift, sizes.epsilon)
        return word_weights(
            writer, x, shape, hidden, projection=projection, words=sizes.vocab, sparse=sparse, mask=mask
        )


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
    """Logits of transformed hidden states, pooled: the last part of :class:`MlmHead`.

    Args:
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
        logits = writer.node("Reshape", basic.linear(writer, x, part, shift), shape)
        pooled.append(_pool_logits(writer, logits, sparse, mask))
    return writer.node("Concat", *pooled, axis=-1)


def _pool_logits(writer: GraphWriter, logits: str, sparse: SparseWeights, mask: str | None) -> str:
    if mask is not None:
        logits = writer.node("Mul", logits, writer.node("Unsqueeze", mask, writer.ints(2)))
    if sparse.pooling == "max":
        return writer.node("ReduceMax", logits, writer.ints(1), keepdims=0)
    weights = writer.node("Relu", logits)
    for _ in range(sparse.logs):
        weights = writer.node("Log", writer.node("Add", weights, basic.scalar(writer, 1.0)))
    return writer.node("ReduceSum", weights, writer.ints(1), keepdims=0)
