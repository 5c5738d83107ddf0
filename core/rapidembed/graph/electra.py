"""ELECTRA (Clark et al. 2020, https://arxiv.org/abs/2003.10555), as transformers' ``ElectraModel`` computes it."""

from rapidembed.graph import encoder, heads
from rapidembed.graph.encoder import ANCHOR as ANCHOR
from rapidembed.graph.encoder import Layers, Sizes
from rapidembed.graph.inputs import Inputs
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry.config_file import ConfigFile
from rapidembed.types import Head

_ENCODERS = frozenset({"ElectraModel", "ElectraForPreTraining"})
ARCHITECTURES: dict[Head, frozenset[str]] = {
    "pool": _ENCODERS,
    "tokens": _ENCODERS | {"HF_ColBERT"},
    "classification": frozenset({"ElectraForSequenceClassification"}),
}
PREFIXES = ("", "electra.")
IGNORABLE = ("embeddings.position_ids", "discriminator_predictions.")
TELLS_TEXTS_APART = True
CLASSIFIER = heads.Classifier(dense="classifier.dense.", activation="Gelu", output="classifier.out_proj.")


def encode(writer: GraphWriter, config: ConfigFile, inputs: Inputs, *, first_only: bool = False) -> tuple[str, int]:
    """Write the encoder, see :func:`rapidembed.graph.bert.encode`."""
    config.require(position_embedding_type="absolute", is_decoder=False, add_cross_attention=False)
    sizes = Sizes.read(config, embedding=config.positive("embedding_size"))
    x = encoder.embeddings(writer, sizes, inputs)
    if sizes.embedding != sizes.hidden:
        x = encoder.project(writer, "embeddings_project.", x, sizes.embedding, sizes.hidden)
    names = [f"encoder.layer.{layer}." for layer in range(sizes.layers)]
    layers = Layers(writer=writer, sizes=sizes, inputs=inputs)
    return layers.write(names, x, first_only=first_only), sizes.hidden
