"""BERT (Devlin et al. 2018, https://arxiv.org/abs/1810.04805), as transformers' ``BertModel`` computes it."""

from dataclasses import dataclass

from rapidembed.errors import IntegrityError, UnsupportedModelError
from rapidembed.graph import blocks
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry.config_file import ConfigFile

ARCHITECTURES = frozenset({"BertModel", "BertForMaskedLM", "BertForPreTraining"})
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


def encode(writer: GraphWriter, config: ConfigFile, ids: str, mask: str | None) -> tuple[str, int]:
    """Write the encoder.

    Args:
        ids: int64 (batch, tokens).
        mask: int32 (batch, tokens); None where nothing is padded.

    Returns:
        The last hidden state (batch, tokens, hidden), and hidden.
    """
    bert = BertConfig.read(config)
    x = _embeddings(writer, bert, ids)
    shape = writer.node("Concat", writer.node("Shape", ids), writer.ints(bert.hidden), axis=0)
    x = blocks.flatten(writer, x, bert.hidden)
    for layer in range(bert.layers):
        x = _layer(writer, bert, f"encoder.layer.{layer}.", x, shape, mask)
    return writer.node("Reshape", x, shape), bert.hidden


def _embeddings(writer: GraphWriter, bert: BertConfig, ids: str) -> str:
    words = blocks.lookup(writer, writer.table(ANCHOR, (bert.vocab, bert.hidden)), ids)
    count = writer.node("Shape", ids, start=1, end=2)
    table = writer.weight("embeddings.position_embeddings.weight", (bert.positions, bert.hidden))
    types = writer.weight("embeddings.token_type_embeddings.weight", (bert.types, bert.hidden))
    # One text per row: every token is of type 0, so types and positions are one (tokens, hidden) addend.
    addend = writer.node(
        "Add", blocks.leading_rows(writer, table, count), blocks.leading_rows(writer, types, writer.ints(1))
    )
    return _norm(writer, bert, "embeddings.LayerNorm.", writer.node("Add", words, addend))


def _layer(writer: GraphWriter, bert: BertConfig, name: str, x: str, shape: str, mask: str | None) -> str:
    hidden = bert.hidden
    q, k, v = (
        writer.node("Reshape", _linear(writer, f"{name}attention.self.{part}.", x, hidden, hidden), shape)
        for part in ("query", "key", "value")
    )
    attended = blocks.self_attention(writer, q, k, v, heads=bert.heads, mask=mask)
    attended = _linear(
        writer, f"{name}attention.output.dense.", blocks.flatten(writer, attended, hidden), hidden, hidden
    )
    # Add and LayerNormalization beat the fused SkipLayerNormalization on CPU by a tenth of the whole forward pass.
    x = _norm(writer, bert, f"{name}attention.output.LayerNorm.", writer.node("Add", attended, x))
    inner = _linear(writer, f"{name}intermediate.dense.", x, hidden, bert.intermediate)
    inner = blocks.activation(writer, inner, bert.activation)
    inner = _linear(writer, f"{name}output.dense.", inner, bert.intermediate, hidden)
    return _norm(writer, bert, f"{name}output.LayerNorm.", writer.node("Add", inner, x))


def _linear(writer: GraphWriter, name: str, x: str, width_in: int, width_out: int) -> str:
    weight = writer.weight(f"{name}weight", (width_out, width_in))
    return blocks.linear(writer, x, weight, writer.weight(f"{name}bias", (width_out,)))


def _norm(writer: GraphWriter, bert: BertConfig, name: str, x: str) -> str:
    # TensorFlow's names, gamma and beta, are still in checkpoints that were converted early.
    weight = writer.weight(f"{name}weight", (bert.hidden,), f"{name}gamma")
    bias = writer.weight(f"{name}bias", (bert.hidden,), f"{name}beta")
    return blocks.layer_norm(writer, x, weight, bias, bert.epsilon)
