"""BERT (Devlin et al. 2018, https://arxiv.org/abs/1810.04805), as transformers' ``BertModel`` computes it."""

from dataclasses import dataclass

from rapidembed.errors import IntegrityError, UnsupportedModelError
from rapidembed.graph import blocks, heads
from rapidembed.graph.inputs import Inputs
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry import SparseWeights
from rapidembed.registry.config_file import ConfigFile
from rapidembed.types import Head

_ENCODERS = frozenset({"BertModel", "BertForMaskedLM", "BertForPreTraining"})
ARCHITECTURES: dict[Head, frozenset[str]] = {
    "pool": _ENCODERS,
    "tokens": _ENCODERS | {"HF_ColBERT"},
    "classification": frozenset({"BertForSequenceClassification"}),
    "mlm": frozenset({"BertForMaskedLM", "BertForPreTraining"}),
}
PREFIXES = ("", "bert.")
ANCHOR = "embeddings.word_embeddings.weight"
IGNORABLE = ("embeddings.position_ids", "pooler.", "cls.")


@dataclass(frozen=True, slots=True)
class BertConfig:
    """The fields of config.json that change numbers."""

    vocab: int
    hidden: int
    layers: int
    heads: int
    intermediate: int
    positions: int
    types: int
    activation: str
    epsilon: float

    @classmethod
    def read(cls, config: ConfigFile) -> "BertConfig":
        """Take the fields; refuse values that change the computation in a way this builder does not know.

        Raises:
            UnsupportedModelError, IntegrityError: name the field and its value.
        """
        config.require(position_embedding_type="absolute", is_decoder=False, add_cross_attention=False)
        epsilon = config.values.get("layer_norm_eps", 1e-12)
        if not isinstance(epsilon, float) or epsilon <= 0:
            raise IntegrityError(f"{config.path}: expected a positive layer_norm_eps, got {epsilon!r}.")
        bert = cls(
            vocab=config.positive("vocab_size"),
            hidden=config.positive("hidden_size"),
            layers=config.positive("num_hidden_layers"),
            heads=config.positive("num_attention_heads"),
            intermediate=config.positive("intermediate_size"),
            positions=config.positive("max_position_embeddings"),
            types=config.positive("type_vocab_size"),
            activation=config.text("hidden_act", "gelu"),
            epsilon=epsilon,
        )
        if bert.hidden % bert.heads:
            raise UnsupportedModelError(
                f"{config.path}: hidden_size {bert.hidden} is not a multiple of {bert.heads} attention heads."
            )
        return bert


def encode(writer: GraphWriter, config: ConfigFile, inputs: Inputs, *, first_only: bool = False) -> tuple[str, int]:
    """Write the encoder.

    Args:
        writer: takes the nodes.
        config: config.json.
        inputs: names of the graph's inputs.
        first_only: compute the last layer for the first token of each text only; nothing else is needed of it where
            a vector is taken from that token.

    Returns:
        The last hidden state, (batch, tokens, hidden) or, with ``first_only``, (batch, hidden); and hidden.
    """
    bert = BertConfig.read(config)
    x = _embeddings(writer, bert, inputs)
    shape = writer.node("Concat", writer.node("Shape", inputs.ids), writer.ints(bert.hidden), axis=0)
    x = blocks.flatten(writer, x, bert.hidden)
    for layer in range(bert.layers):
        last = layer == bert.layers - 1
        x = _layer(writer, bert, f"encoder.layer.{layer}.", x, shape, inputs, first_only=first_only and last)
    return x if first_only else writer.node("Reshape", x, shape), bert.hidden


def words(writer: GraphWriter, config: ConfigFile, x: str, sparse: SparseWeights, mask: str | None) -> str:
    """Write the masked-language-model head, see :func:`rapidembed.graph.heads.mlm`."""
    bert = BertConfig.read(config)
    name = "cls.predictions."
    # Checkpoints may hold both; this says which counts.
    if config.flag("tie_word_embeddings", True):
        projection = (writer.full_name(ANCHOR), writer.find(f"{name}bias", f"{name}decoder.bias"))
    else:
        projection = (f"{name}decoder.weight", writer.find(f"{name}decoder.bias", f"{name}bias"))
    return heads.mlm(
        writer,
        x,
        bert.hidden,
        projection=projection,
        words=bert.vocab,
        activation=bert.activation,
        epsilon=bert.epsilon,
        sparse=sparse,
        mask=mask,
    )


def _embeddings(writer: GraphWriter, bert: BertConfig, inputs: Inputs) -> str:
    words = blocks.lookup(writer, writer.table(ANCHOR, (bert.vocab, bert.hidden)), inputs.ids)
    count = writer.node("Shape", inputs.ids, start=1, end=2)
    positions = blocks.leading_rows(
        writer, writer.weight("embeddings.position_embeddings.weight", (bert.positions, bert.hidden)), count
    )
    types = writer.weight("embeddings.token_type_embeddings.weight", (bert.types, bert.hidden))
    if inputs.types is None:
        # One text per row: every token is of type 0, so types and positions are one (tokens, hidden) addend.
        addend = writer.node("Add", positions, blocks.leading_rows(writer, types, writer.ints(1)))
    else:
        addend = writer.node("Add", blocks.lookup(writer, types, inputs.types), positions)
    return _norm(writer, bert, "embeddings.LayerNorm.", writer.node("Add", words, addend))


def _layer(
    writer: GraphWriter, bert: BertConfig, name: str, x: str, shape: str, inputs: Inputs, *, first_only: bool
) -> str:
    hidden = bert.hidden

    def project(part: str, x: str) -> str:
        return _linear(writer, f"{name}attention.self.{part}.", x, hidden, hidden, fine=part == "value")

    k, v = (writer.node("Reshape", project(part, x), shape) for part in ("key", "value"))
    if first_only:
        x = blocks.first_token(writer, writer.node("Reshape", x, shape))
        q = writer.node("Unsqueeze", project("query", x), writer.ints(1))
    else:
        q = writer.node("Reshape", project("query", x), shape)
    scale = None
    if inputs.penalty is not None:
        width = hidden // bert.heads
        q, k = blocks.penalized(writer, q, k, inputs.penalty, heads=bert.heads, width=width)
        scale = width**-0.5
    attended = blocks.self_attention(writer, q, k, v, heads=bert.heads, mask=inputs.mask, scale=scale)
    attended = _linear(
        writer, f"{name}attention.output.dense.", blocks.flatten(writer, attended, hidden), hidden, hidden
    )
    # Add and LayerNormalization beat the fused SkipLayerNormalization on CPU by a tenth of the whole forward pass.
    x = _norm(writer, bert, f"{name}attention.output.LayerNorm.", writer.node("Add", attended, x))
    inner = _linear(writer, f"{name}intermediate.dense.", x, hidden, bert.intermediate)
    inner = blocks.activation(writer, inner, bert.activation)
    inner = _linear(writer, f"{name}output.dense.", inner, bert.intermediate, hidden)
    return _norm(writer, bert, f"{name}output.LayerNorm.", writer.node("Add", inner, x))


def _linear(writer: GraphWriter, name: str, x: str, width_in: int, width_out: int, *, fine: bool = False) -> str:
    weight = writer.weight(f"{name}weight", (width_out, width_in))
    return blocks.linear(writer, x, weight, writer.weight(f"{name}bias", (width_out,)), fine=fine)


def _norm(writer: GraphWriter, bert: BertConfig, name: str, x: str) -> str:
    # TensorFlow's names, gamma and beta, are still in checkpoints that were converted early.
    weight = writer.weight(f"{name}weight", (bert.hidden,), f"{name}gamma")
    bias = writer.weight(f"{name}bias", (bert.hidden,), f"{name}beta")
    return blocks.layer_norm(writer, x, weight, bias, bert.epsilon)
