"""ELECTRA (Clark et al. 2020, https://arxiv.org/abs/2003.10555), as transformers' ``ElectraModel`` computes it."""

from collections.abc import Callable

from rapidembed.graph.architecture import Architecture
from rapidembed.graph.architectures import encoder
from rapidembed.graph.architectures.encoder import ANCHOR, Layers, Sizes
from rapidembed.graph.blocks import heads, layers
from rapidembed.graph.inputs import TextInputs, Texts
from rapidembed.graph.layout import Layout
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry.config_file import ConfigFile

_ENCODERS = frozenset({"ElectraModel", "ElectraForPreTraining"})


def encode(writer: GraphWriter, config: ConfigFile, inputs: TextInputs, *, first_only: bool) -> tuple[str, int]:
    """Write the encoder, see :class:`rapidembed.graph.architecture.Encode`."""
    sizes = _read(config)
    x = encoder.embeddings(writer, sizes, inputs)
    if sizes.embedding != sizes.hidden:
        x = layers.linear(writer, "embeddings_project", x, sizes.embedding, sizes.hidden)
    names = [f"encoder.layer.{layer}." for layer in range(sizes.layers)]
    written = Layers(writer=writer, sizes=sizes, inputs=inputs)
    return written.write(names, x, first_only=first_only), sizes.hidden


def _read(config: ConfigFile) -> Sizes:
    config.require(position_embedding_type="absolute", is_decoder=False, add_cross_attention=False)
    return Sizes.read(config, embedding=config.positive("embedding_size"))


def layout(config: ConfigFile, has: Callable[[str], bool]) -> Layout:
    """Tell the encoder as data, see :class:`rapidembed.graph.architecture.ReadLayout`."""
    return encoder.layout(_read(config))


ARCHITECTURE = Architecture(
    classes={
        "pool": _ENCODERS,
        "tokens": _ENCODERS | {"HF_ColBERT"},
        "classification": frozenset({"ElectraForSequenceClassification"}),
    },
    prefixes=("", "electra."),
    anchor=ANCHOR,
    ignorable=("embeddings.position_ids", "discriminator_predictions."),
    modality=Texts(told_apart=True),
    encode=encode,
    layout=layout,
    classifier=heads.Classifier(dense="classifier.dense", activation="Gelu", output="classifier.out_proj"),
)
