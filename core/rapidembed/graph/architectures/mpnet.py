"""MPNet (Song et al. 2020, https://arxiv.org/abs/2004.09297), as transformers' ``MPNetModel`` computes it."""

import numpy as np
from numpy.typing import NDArray

from rapidembed.errors import UnsupportedModelError
from rapidembed.graph.architecture import Architecture, text_classes
from rapidembed.graph.architectures.encoder import ANCHOR, BertSizes, Bias, LayerNames, read_bert
from rapidembed.graph.architectures.kin import Kin
from rapidembed.graph.blocks import heads, relative
from rapidembed.graph.blocks.mlm import ROBERTA_MLM, MlmHead
from rapidembed.graph.inputs import TextInputs, Texts
from rapidembed.graph.layout import Relative
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry.config_file import ConfigFile

_BIAS = "encoder.relative_attention_bias.weight"
_LAYER = LayerNames(
    query="attention.attn.q",
    key="attention.attn.k",
    value="attention.attn.v",
    attended="attention.attn.o",
    attended_norm="attention.LayerNorm",
)


def _bias(writer: GraphWriter, config: ConfigFile, sizes: BertSizes, inputs: TextInputs) -> Bias:
    """A number for every head and distance, the same in all layers."""
    known, buckets = _check_buckets(config, sizes)
    table = writer.weight(_BIAS, (buckets, sizes.heads))
    by_distance = writer.node("Transpose", writer.node("Gather", table, writer.constant(known), axis=0), perm=[1, 0])
    count = writer.node("Shape", inputs.ids, start=1, end=2)
    whole = relative.matrix(writer, by_distance, count, zero=sizes.positions)

    def bias(layer: str, q: str, k: str, *, first_only: bool) -> str:
        return relative.first_row(writer, by_distance, count, zero=sizes.positions) if first_only else whole

    return bias


def _check_buckets(config: ConfigFile, sizes: BertSizes) -> tuple[NDArray[np.int64], int]:
    """Rows of the table for every distance, and how many it has."""
    buckets = config.positive("relative_attention_num_buckets")
    known = relative.t5_buckets(np.arange(-sizes.positions, sizes.positions))
    if buckets <= known.max():
        raise UnsupportedModelError(
            f"{config.path}: relative_attention_num_buckets={buckets!r} is not supported; known: "
            f"{known.max() + 1} or more."
        )
    return known, buckets


def _relative(config: ConfigFile, sizes: BertSizes) -> Relative:
    _check_buckets(config, sizes)
    return Relative(_BIAS, relative.t5_buckets(np.arange(-sizes.positions, sizes.positions + 1)))


_KIN = Kin(read=lambda config: read_bert(config, types=0), parts=_LAYER, padded=True, bias=_bias, relative=_relative)

ARCHITECTURE = Architecture(
    classes=text_classes("MPNet", heads=("classification", "mlm"), colbert=True),
    prefixes=("", "mpnet."),
    anchor=ANCHOR,
    ignorable=("embeddings.position_ids", "pooler.", "lm_head."),
    modality=Texts(),
    encode=_KIN.encode,
    layout=_KIN.layout,
    mlm=MlmHead(names=ROBERTA_MLM, table=ANCHOR, read=_KIN.read),
    classifier=heads.ROBERTA_CLASSIFIER,
)
