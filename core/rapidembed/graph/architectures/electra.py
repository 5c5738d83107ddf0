"""ELECTRA (Clark et al. 2020, https://arxiv.org/abs/2003.10555), as transformers' ``ElectraModel`` computes it."""

from rapidembed.graph.architecture import Architecture, text_classes
from rapidembed.graph.architectures.encoder import ANCHOR
from rapidembed.graph.architectures.kin import Kin, read_sizes
from rapidembed.graph.blocks import heads
from rapidembed.graph.inputs import Texts

_KIN = Kin(read=lambda config: read_sizes(config, config.positive("embedding_size")))

ARCHITECTURE = Architecture(
    classes=text_classes("Electra", heads=("classification",), trained=("PreTraining",), colbert=True),
    prefixes=("", "electra."),
    anchor=ANCHOR,
    ignorable=("embeddings.position_ids", "discriminator_predictions."),
    modality=Texts(told_apart=True),
    encode=_KIN.encode,
    layout=_KIN.layout,
    classifier=heads.Classifier(dense="classifier.dense", activation="Gelu", output="classifier.out_proj"),
)
