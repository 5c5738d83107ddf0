"""RoBERTa (Liu et al. 2019, https://arxiv.org/abs/1907.11692), as transformers' ``RobertaModel`` computes it.

XLM-RoBERTa (https://arxiv.org/abs/1911.02116) and CamemBERT (https://arxiv.org/abs/1911.03894) differ from it in
vocabulary and training only.
"""

from rapidembed.graph.architecture import Architecture
from rapidembed.graph.architectures.encoder import ANCHOR
from rapidembed.graph.architectures.kin import Kin
from rapidembed.graph.blocks import heads
from rapidembed.graph.blocks.mlm import ROBERTA_MLM, MlmHead
from rapidembed.graph.inputs import Texts

_FAMILY = ("Roberta", "XLMRoberta", "Camembert")
_ENCODERS = frozenset(f"{name}{kind}" for name in _FAMILY for kind in ("Model", "ForMaskedLM"))
_KIN = Kin(padded=True)

ARCHITECTURE = Architecture(
    classes={
        "pool": _ENCODERS,
        "tokens": _ENCODERS | {"HF_ColBERT"},
        "classification": frozenset(f"{name}ForSequenceClassification" for name in _FAMILY),
        "mlm": frozenset(f"{name}ForMaskedLM" for name in _FAMILY),
    },
    prefixes=("", "roberta.", "camembert."),
    anchor=ANCHOR,
    ignorable=("embeddings.position_ids", "pooler.", "lm_head."),
    modality=Texts(),
    encode=_KIN.encode,
    layout=_KIN.layout,
    mlm=MlmHead(names=ROBERTA_MLM, table=ANCHOR, read=_KIN.read),
    classifier=heads.ROBERTA_CLASSIFIER,
)
