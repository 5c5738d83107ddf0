"""RoBERTa (Liu et al. 2019, https://arxiv.org/abs/1907.11692), as transformers' ``RobertaModel`` computes it.

XLM-RoBERTa (https://arxiv.org/abs/1911.02116) and CamemBERT (https://arxiv.org/abs/1911.03894) differ from it in
vocabulary and training only.
"""

from rapidembed.graph import encoder, heads
from rapidembed.graph.encoder import ANCHOR as ANCHOR
from rapidembed.graph.encoder import Layers, Sizes
from rapidembed.graph.inputs import Inputs
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry import SparseWeights
from rapidembed.registry.config_file import ConfigFile
from rapidembed.registry.encoder_config import read_padding
from rapidembed.types import Head

_FAMILY = ("Roberta", "XLMRoberta", "Camembert")
_ENCODERS = frozenset(f"{name}{kind}" for name in _FAMILY for kind in ("Model", "ForMaskedLM"))
ARCHITECTURES: dict[Head, frozenset[str]] = {
    "pool": _ENCODERS,
    "tokens": _ENCODERS | {"HF_ColBERT"},
    "classification": frozenset(f"{name}ForSequenceClassification" for name in _FAMILY),
    "mlm": frozenset(f"{name}ForMaskedLM" for name in _FAMILY),
}
PREFIXES = ("", "roberta.", "camembert.")
IGNORABLE = ("embeddings.position_ids", "pooler.", "lm_head.")
TELLS_TEXTS_APART = False
CLASSIFIER = heads.ROBERTA_CLASSIFIER


def encode(writer: GraphWriter, config: ConfigFile, inputs: Inputs, *, first_only: bool = False) -> tuple[str, int]:
    """Write the encoder, see :func:`rapidembed.graph.bert.encode`."""
    sizes = _read(config)
    x = encoder.embeddings(writer, sizes, inputs, padding=read_padding(config))
    names = [f"encoder.layer.{layer}." for layer in range(sizes.layers)]
    layers = Layers(writer=writer, sizes=sizes, inputs=inputs)
    return layers.write(names, x, first_only=first_only), sizes.hidden


def words(writer: GraphWriter, config: ConfigFile, x: str, sparse: SparseWeights, mask: str | None) -> str:
    """Write the masked-language-model head, see :func:`rapidembed.graph.heads.mlm`."""
    return encoder.words(writer, config, x, _read(config), heads.ROBERTA_WORDS, sparse, mask)


def _read(config: ConfigFile) -> Sizes:
    config.require(position_embedding_type="absolute", is_decoder=False, add_cross_attention=False)
    return Sizes.read(config)
