"""BERT (Devlin et al. 2018, https://arxiv.org/abs/1810.04805), as transformers' ``BertModel`` computes it."""

from rapidembed.graph import encoder, heads
from rapidembed.graph.encoder import ANCHOR as ANCHOR
from rapidembed.graph.encoder import Layers, Sizes
from rapidembed.graph.inputs import Inputs
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry import SparseWeights
from rapidembed.registry.config_file import ConfigFile
from rapidembed.types import Head

_ENCODERS = frozenset({"BertModel", "BertForMaskedLM", "BertForPreTraining"})
ARCHITECTURES: dict[Head, frozenset[str]] = {
    "pool": _ENCODERS,
    "tokens": _ENCODERS | {"HF_ColBERT"},
    "attention": _ENCODERS,
    "classification": frozenset({"BertForSequenceClassification"}),
    "mlm": frozenset({"BertForMaskedLM", "BertForPreTraining"}),
}
PREFIXES = ("", "bert.")
IGNORABLE = ("embeddings.position_ids", "pooler.", "cls.")
TELLS_TEXTS_APART = True
CLASSIFIER = heads.BERT_CLASSIFIER


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
    layers, names, x = _layers(writer, config, inputs)
    return layers.write(names, x, first_only=first_only), layers.sizes.hidden


def attention(writer: GraphWriter, config: ConfigFile, inputs: Inputs, mask: str | None) -> str:
    """Write the encoder up to the attention of its last layer, see :func:`rapidembed.graph.heads.attention`."""
    layers, names, x = _layers(writer, config, inputs)
    return layers.first_attention(names, x, mask)


def words(writer: GraphWriter, config: ConfigFile, x: str, sparse: SparseWeights, mask: str | None) -> str:
    """Write the masked-language-model head, see :func:`rapidembed.graph.heads.mlm`."""
    return encoder.words(writer, config, x, _read(config), heads.BERT_WORDS, sparse, mask)


def _layers(writer: GraphWriter, config: ConfigFile, inputs: Inputs) -> tuple[Layers, list[str], str]:
    """The layers, the beginnings of their tensors' names, and the embeddings."""
    sizes = _read(config)
    x = encoder.embeddings(writer, sizes, inputs)
    names = [f"encoder.layer.{layer}." for layer in range(sizes.layers)]
    return Layers(writer=writer, sizes=sizes, inputs=inputs), names, x


def _read(config: ConfigFile) -> Sizes:
    config.require(position_embedding_type="absolute", is_decoder=False, add_cross_attention=False)
    return Sizes.read(config)
