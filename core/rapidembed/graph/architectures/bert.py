"""BERT (Devlin et al. 2018, https://arxiv.org/abs/1810.04805), as transformers' ``BertModel`` computes it."""

from rapidembed.graph.architecture import Architecture
from rapidembed.graph.architectures.encoder import ANCHOR
from rapidembed.graph.architectures.kin import Kin
from rapidembed.graph.blocks import heads
from rapidembed.graph.blocks.mlm import BERT_MLM, MlmHead
from rapidembed.graph.inputs import Texts

_ENCODERS = frozenset({"BertModel", "BertForMaskedLM", "BertForPreTraining"})
_KIN = Kin()

ARCHITECTURE = Architecture(
    classes={
        "pool": _ENCODERS,
        "tokens": _ENCODERS | {"HF_ColBERT"},
        "attention": _ENCODERS,
        "classification": frozenset({"BertForSequenceClassification"}),
        "mlm": frozenset({"BertForMaskedLM", "BertForPreTraining"}),
    },
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
