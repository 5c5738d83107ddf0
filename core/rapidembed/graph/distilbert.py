"""DistilBERT (Sanh et al. 2019, https://arxiv.org/abs/1910.01108), as transformers' ``DistilBertModel`` computes it."""

from rapidembed.graph import encoder, heads
from rapidembed.graph.encoder import ANCHOR as ANCHOR
from rapidembed.graph.encoder import LayerNames, Layers, Sizes
from rapidembed.graph.inputs import Inputs
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry import SparseWeights
from rapidembed.registry.config_file import ConfigFile
from rapidembed.types import Head

_ENCODERS = frozenset({"DistilBertModel", "DistilBertForMaskedLM"})
ARCHITECTURES: dict[Head, frozenset[str]] = {
    "pool": _ENCODERS,
    "tokens": _ENCODERS | {"HF_ColBERT"},
    "classification": frozenset({"DistilBertForSequenceClassification"}),
    "mlm": frozenset({"DistilBertForMaskedLM"}),
}
PREFIXES = ("", "distilbert.")
IGNORABLE = ("embeddings.position_ids", "vocab_")
TELLS_TEXTS_APART = False
CLASSIFIER = heads.Classifier(dense="pre_classifier.", activation="Relu")

_WORDS = heads.Words(
    dense="vocab_transform.",
    norm="vocab_layer_norm.",
    decoder="vocab_projector.",
    bias="vocab_projector.bias",
)
_FIELDS = {
    "hidden_size": "dim",
    "num_hidden_layers": "n_layers",
    "num_attention_heads": "n_heads",
    "intermediate_size": "hidden_dim",
    "hidden_act": "activation",
}
_LAYER = LayerNames(
    query="attention.q_lin.",
    key="attention.k_lin.",
    value="attention.v_lin.",
    attended="attention.out_lin.",
    attended_norm="sa_layer_norm.",
    inner="ffn.lin1.",
    outer="ffn.lin2.",
    outer_norm="output_layer_norm.",
)


def encode(writer: GraphWriter, config: ConfigFile, inputs: Inputs, *, first_only: bool = False) -> tuple[str, int]:
    """Write the encoder, see :func:`rapidembed.graph.bert.encode`."""
    sizes = _read(config)
    x = encoder.embeddings(writer, sizes, inputs)
    names = [f"transformer.layer.{layer}." for layer in range(sizes.layers)]
    layers = Layers(writer=writer, sizes=sizes, inputs=inputs, parts=_LAYER)
    return layers.write(names, x, first_only=first_only), sizes.hidden


def words(writer: GraphWriter, config: ConfigFile, x: str, sparse: SparseWeights, mask: str | None) -> str:
    """Write the masked-language-model head, see :func:`rapidembed.graph.heads.mlm`."""
    return encoder.words(writer, config, x, _read(config), _WORDS, sparse, mask)


def _read(config: ConfigFile) -> Sizes:
    return Sizes.read(config, names=_FIELDS, types=0, epsilon=1e-12)
