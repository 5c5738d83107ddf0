"""BERT (Devlin et al. 2018, https://arxiv.org/abs/1810.04805), as transformers' ``BertModel`` computes it."""

from rapidembed.graph.architecture import Architecture, text_classes
from rapidembed.graph.architectures.encoder import ANCHOR
from rapidembed.graph.architectures.kin import Kin
from rapidembed.graph.blocks import heads
from rapidembed.graph.blocks.mlm import BERT_MLM, MlmHead
from rapidembed.graph.inputs import Texts

_KIN = Kin()

ARCHITECTURE = Architecture(
    classes=text_classes(
        "Bert", heads=("attention", "classification", "mlm"), trained=("MaskedLM", "PreTraining"), colbert=True
    ),
    prefixes=("", "bert."),
    anchor=ANCHOR,
    ignorable=("embeddings.position_ids", "pooler.", "cls."),
    modality=Texts(told_apart=True),
    encode=_KIN.encode,
    layout=_KIN.layout,
    attention=_KIN.attention,
    mlm=MlmHead(names=BERT_MLM, table=ANCHOR, read=_KIN.read),
    classifier=heads.BERT_CLASSIFIER,
)
