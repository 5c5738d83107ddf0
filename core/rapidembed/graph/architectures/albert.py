"""ALBERT (Lan et al. 2019, https://arxiv.org/abs/1909.11942), as transformers' ``AlbertModel`` computes it."""

from rapidembed.graph.architecture import Architecture, text_classes
from rapidembed.graph.architectures import encoder
from rapidembed.graph.architectures.encoder import ANCHOR, BertSizes, LayerNames, Layers, read_bert
from rapidembed.graph.blocks import heads, layers
from rapidembed.graph.inputs import TextInputs, Texts
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry.config_file import ConfigFile

_LAYER = LayerNames(
    query="attention.query",
    key="attention.key",
    value="attention.value",
    attended="attention.dense",
    attended_norm="attention.LayerNorm",
    inner="ffn",
    outer="ffn_output",
    outer_norm="full_layer_layer_norm",
)


def encode(writer: GraphWriter, config: ConfigFile, inputs: TextInputs, *, first_only: bool) -> tuple[str, int]:
    """Write the encoder, see :class:`rapidembed.graph.architecture.Encode`."""
    config.require(position_embedding_type="absolute")
    sizes = read_bert(config, embedding=config.positive("embedding_size"))
    x = encoder.embeddings(writer, sizes, inputs)
    x = layers.linear(writer, "encoder.embedding_hidden_mapping_in", x, sizes.embedding, sizes.hidden)
    written = Layers(writer=writer, sizes=sizes, inputs=inputs, parts=_LAYER)
    return written.write(_names(config, sizes), x, first_only=first_only), sizes.hidden


def _names(config: ConfigFile, sizes: BertSizes) -> list[str]:
    """Names of the layers in the order in which they compute: those of a group share their weights."""
    groups, inner = config.positive("num_hidden_groups"), config.positive("inner_group_num")
    # As transformers has it, whose division is not exact where the groups are not equally large.
    order = [int(layer / (sizes.layers / groups)) for layer in range(sizes.layers)]
    return [f"encoder.albert_layer_groups.{g}.albert_layers.{i}." for g in order for i in range(inner)]


ARCHITECTURE = Architecture(
    classes=text_classes("Albert", heads=("classification",), trained=("MaskedLM", "PreTraining"), colbert=True),
    prefixes=("", "albert."),
    anchor=ANCHOR,
    ignorable=("embeddings.position_ids", "pooler.", "predictions.", "sop_classifier."),
    modality=Texts(told_apart=True),
    encode=encode,
    classifier=heads.Classifier(dense="pooler", activation="Tanh"),
)
