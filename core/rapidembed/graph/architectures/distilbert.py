"""DistilBERT (Sanh et al. 2019, https://arxiv.org/abs/1910.01108), as transformers' ``DistilBertModel`` computes it."""

from rapidembed.graph.architecture import Architecture, text_classes
from rapidembed.graph.architectures.encoder import ANCHOR, LayerNames, read_bert
from rapidembed.graph.architectures.kin import Kin
from rapidembed.graph.blocks import heads
from rapidembed.graph.blocks.mlm import MlmHead, MlmNames
from rapidembed.graph.inputs import Texts

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
    "layer_norm_eps": "",
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
_KIN = Kin(
    read=lambda config: read_bert(config, fields=_FIELDS, types=0),
    parts=_LAYER,
    layer="transformer.layer.{}.",
)

ARCHITECTURE = Architecture(
    classes=text_classes("DistilBert", heads=("classification", "mlm"), colbert=True),
    prefixes=("", "distilbert."),
    anchor=ANCHOR,
    ignorable=("embeddings.position_ids", "vocab_"),
    modality=Texts(),
    encode=_KIN.encode,
    layout=_KIN.layout,
    mlm=MlmHead(names=_MLM, table=ANCHOR, read=_KIN.read),
    classifier=heads.Classifier(dense="pre_classifier", activation="Relu"),
)
