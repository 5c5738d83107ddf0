"""DistilBERT (Sanh et al. 2019, https://arxiv.org/abs/1910.01108), as transformers' ``DistilBertModel`` computes it."""

from collections.abc import Callable

from rapidembed.graph.architecture import Architecture
from rapidembed.graph.architectures import encoder
from rapidembed.graph.architectures.encoder import ANCHOR, LayerNames, Layers, Sizes
from rapidembed.graph.blocks import heads
from rapidembed.graph.blocks.mlm import MlmHead, MlmNames
from rapidembed.graph.inputs import TextInputs, Texts
from rapidembed.graph.layout import Layout
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry.config_file import ConfigFile

_ENCODERS = frozenset({"DistilBertModel", "DistilBertForMaskedLM"})

_MLM = MlmNames(
    dense="vocab_transform",
    norm="vocab_layer_norm",
    decoder="vocab_projector",
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
    query="attention.q_lin",
    key="attention.k_lin",
    value="attention.v_lin",
    attended="attention.out_lin",
    attended_norm="sa_layer_norm",
    inner="ffn.lin1",
    outer="ffn.lin2",
    outer_norm="output_layer_norm",
)


def encode(writer: GraphWriter, config: ConfigFile, inputs: TextInputs, *, first_only: bool) -> tuple[str, int]:
    """Write the encoder, see :class:`rapidembed.graph.architecture.Encode`."""
    sizes = _read(config)
    x = encoder.embeddings(writer, sizes, inputs)
    names = [f"transformer.layer.{layer}." for layer in range(sizes.layers)]
    layers = Layers(writer=writer, sizes=sizes, inputs=inputs, parts=_LAYER)
    return layers.write(names, x, first_only=first_only), sizes.hidden


def _read(config: ConfigFile) -> Sizes:
    return Sizes.read(config, names=_FIELDS, types=0, epsilon=1e-12)


def layout(config: ConfigFile, has: Callable[[str], bool]) -> Layout:
    """Tell the encoder as data, see :class:`rapidembed.graph.architecture.ReadLayout`."""
    return encoder.layout(_read(config), parts=_LAYER, layer="transformer.layer.{}.")


ARCHITECTURE = Architecture(
    classes={
        "pool": _ENCODERS,
        "tokens": _ENCODERS | {"HF_ColBERT"},
        "classification": frozenset({"DistilBertForSequenceClassification"}),
        "mlm": frozenset({"DistilBertForMaskedLM"}),
    },
    prefixes=("", "distilbert."),
    anchor=ANCHOR,
    ignorable=("embeddings.position_ids", "vocab_"),
    modality=Texts(),
    encode=encode,
    layout=layout,
    mlm=MlmHead(names=_MLM, table=ANCHOR, read=_read),
    classifier=heads.Classifier(dense="pre_classifier", activation="Relu"),
)
