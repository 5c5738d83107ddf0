"""MPNet (Song et al. 2020, https://arxiv.org/abs/2004.09297), as transformers' ``MPNetModel`` computes it."""

import numpy as np

from rapidembed.errors import UnsupportedModelError
from rapidembed.graph import encoder, heads, relative
from rapidembed.graph.encoder import ANCHOR as ANCHOR
from rapidembed.graph.encoder import Bias, LayerNames, Layers, Sizes
from rapidembed.graph.inputs import Inputs
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry import SparseWeights
from rapidembed.registry.config_file import ConfigFile
from rapidembed.registry.encoder_config import read_padding
from rapidembed.types import Head

_ENCODERS = frozenset({"MPNetModel", "MPNetForMaskedLM"})
ARCHITECTURES: dict[Head, frozenset[str]] = {
    "pool": _ENCODERS,
    "tokens": _ENCODERS | {"HF_ColBERT"},
    "classification": frozenset({"MPNetForSequenceClassification"}),
    "mlm": frozenset({"MPNetForMaskedLM"}),
}
PREFIXES = ("", "mpnet.")
IGNORABLE = ("embeddings.position_ids", "pooler.", "lm_head.")
TELLS_TEXTS_APART = False
CLASSIFIER = heads.ROBERTA_CLASSIFIER

_LAYER = LayerNames(
    query="attention.attn.q.",
    key="attention.attn.k.",
    value="attention.attn.v.",
    attended="attention.attn.o.",
    attended_norm="attention.LayerNorm.",
)


def encode(writer: GraphWriter, config: ConfigFile, inputs: Inputs, *, first_only: bool = False) -> tuple[str, int]:
    """Write the encoder, see :func:`rapidembed.graph.bert.encode`."""
    sizes = _read(config)
    x = encoder.embeddings(writer, sizes, inputs, padding=read_padding(config))
    names = [f"encoder.layer.{layer}." for layer in range(sizes.layers)]
    bias = _bias(writer, config, sizes, inputs)
    layers = Layers(writer=writer, sizes=sizes, inputs=inputs, parts=_LAYER, bias=bias)
    return layers.write(names, x, first_only=first_only), sizes.hidden


def words(writer: GraphWriter, config: ConfigFile, x: str, sparse: SparseWeights, mask: str | None) -> str:
    """Write the masked-language-model head, see :func:`rapidembed.graph.heads.mlm`."""
    return encoder.words(writer, config, x, _read(config), heads.ROBERTA_WORDS, sparse, mask)


def _read(config: ConfigFile) -> Sizes:
    return Sizes.read(config, types=0)


def _bias(writer: GraphWriter, config: ConfigFile, sizes: Sizes, inputs: Inputs) -> Bias:
    """A number for every head and distance, the same in all layers."""
    buckets = config.positive("relative_attention_num_buckets")
    known = relative.t5_buckets(np.arange(-sizes.positions, sizes.positions))
    if buckets <= known.max():
        raise UnsupportedModelError(
            f"{config.path}: relative_attention_num_buckets={buckets!r} is not supported; known: "
            f"{known.max() + 1} or more."
        )
    table = writer.weight("encoder.relative_attention_bias.weight", (buckets, sizes.heads))
    by_distance = writer.node("Transpose", writer.node("Gather", table, writer.constant(known), axis=0), perm=[1, 0])
    count = writer.node("Shape", inputs.ids, start=1, end=2)
    whole = relative.matrix(writer, by_distance, count, zero=sizes.positions)

    def bias(layer: str, q: str, k: str, *, first_only: bool) -> str:
        return relative.first_row(writer, by_distance, count, zero=sizes.positions) if first_only else whole

    return bias
