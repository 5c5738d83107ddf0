"""RoBERTa (Liu et al. 2019, https://arxiv.org/abs/1907.11692), as transformers' ``RobertaModel`` computes it.

XLM-RoBERTa (https://arxiv.org/abs/1911.02116) and CamemBERT (https://arxiv.org/abs/1911.03894) differ from it in
vocabulary and training only.
"""

from rapidembed.graph.architecture import Architecture, text_classes
from rapidembed.graph.architectures.encoder import ANCHOR
from rapidembed.graph.architectures.kin import Kin
from rapidembed.graph.blocks import heads
from rapidembed.graph.blocks.mlm import ROBERTA_MLM, MlmHead
from rapidembed.graph.inputs import Texts

_KIN = Kin(padded=True)

ARCHITECTURE = Architecture(
    classes=text_classes("Roberta", "XLMRoberta", "Camembert", heads=("classification", "mlm"), colbert=True),
    prefixes=("", "roberta.", "camembert."),
    anchor=ANCHOR,
    ignorable=("embeddings.position_ids", "pooler.", "lm_head."),
    modality=Texts(),
    encode=_KIN.encode,
    layout=_KIN.layout,
    mlm=MlmHead(names=ROBERTA_MLM, table=ANCHOR, read=_KIN.read),
    classifier=heads.ROBERTA_CLASSIFIER,
)
