"""MPNet (Song et al. 2020, https://arxiv.org/abs/2004.09297), as transformers' ``MPNetModel`` computes it."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rapidembed.errors import UnsupportedModelError
from rapidembed.graph.architecture import Architecture, text_classes
from rapidembed.graph.architectures import encoder, kin
from rapidembed.graph.architectures.encoder import ANCHOR, BertSizes, Bias, LayerNames, Layers, read_bert
from rapidembed.graph.blocks import heads, relative
from rapidembed.graph.blocks.mlm import ROBERTA_MLM, MlmHead
from rapidembed.graph.inputs import TextInputs, Texts
from rapidembed.graph.layout import Layout, Relative
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry.config_file import ConfigFile
from rapidembed.registry.encoder_config import read_padding

_BIAS = "encoder.relative_attention_bias.weight"
_LAYER = LayerNames(
    query="attention.attn.q",
    key="attention.attn.k",
    value="attention.attn.v",
    attended="attention.attn.o",
    attended_norm="attention.LayerNorm",
)


def encode(writer: GraphWriter, config: ConfigFile, inputs: TextInputs, *, first_only: bool) -> tuple[str, int]:
    """Write the encoder, see :class:`rapidembed.graph.architecture.Encode`."""
    sizes = _read(config)
    x = encoder.embeddings(writer, sizes, inputs, padding=read_padding(config))
    names = [f"encoder.layer.{layer}." for layer in range(sizes.layers)]
    bias = _bias(writer, config, sizes, inputs)
    layers = Layers(writer=writer, sizes=sizes, inputs=inputs, parts=_LAYER, bias=bias)
    return layers.write(names, x, first_only=first_only), sizes.hidden


def _read(config: ConfigFile) -> BertSizes:
    return read_bert(config, types=0)


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


def layout(config: ConfigFile, has: Callable[[str], bool]) -> Layout:
    """Tell the encoder as data, see :class:`rapidembed.graph.architecture.ReadLayout`."""
    sizes = _read(config)
    _check_buckets(config, sizes)
    rows = relative.t5_buckets(np.arange(-sizes.positions, sizes.positions + 1))
    return kin.layout(sizes, parts=_LAYER, padding=read_padding(config), relative=Relative(_BIAS, rows))


ARCHITECTURE = Architecture(
    classes=text_classes("MPNet", heads=("classification", "mlm"), colbert=True),
    prefixes=("", "mpnet."),
    anchor=ANCHOR,
    ignorable=("embeddings.position_ids", "pooler.", "lm_head."),
    modality=Texts(),
    encode=encode,
    layout=layout,
    mlm=MlmHead(names=ROBERTA_MLM, table=ANCHOR, read=_read),
    classifier=heads.ROBERTA_CLASSIFIER,
)
