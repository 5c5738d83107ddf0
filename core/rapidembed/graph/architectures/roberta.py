"""RoBERTa (Liu et al. 2019, https://arxiv.org/abs/1907.11692), as transformers' ``RobertaModel`` computes it.

XLM-RoBERTa (https://arxiv.org/abs/1911.02116) and CamemBERT (https://arxiv.org/abs/1911.03894) differ from it in
vocabulary and training only.
"""

from collections.abc import Callable

from rapidembed.graph.architecture import Architecture
from rapidembed.graph.architectures import encoder
from rapidembed.graph.architectures.encoder import ANCHOR, Layers, Sizes
from rapidembed.graph.blocks import heads
from rapidembed.graph.blocks.mlm import ROBERTA_MLM, MlmHead
from rapidembed.graph.inputs import TextInputs, Texts
from rapidembed.graph.layout import Layout
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry.config_file import ConfigFile
from rapidembed.registry.encoder_config import read_padding

_FAMILY = ("Roberta", "XLMRoberta", "Camembert")
_ENCODERS = frozenset(f"{name}{kind}" for name in _FAMILY for kind in ("Model", "ForMaskedLM"))


def encode(writer: GraphWriter, config: ConfigFile, inputs: TextInputs, *, first_only: bool) -> tuple[str, int]:
    """Write the encoder, see :class:`rapidembed.graph.architecture.Encode`."""
    sizes = _read(config)
    x = encoder.embeddings(writer, sizes, inputs, padding=read_padding(config))
    names = [f"encoder.layer.{layer}." for layer in range(sizes.layers)]
    layers = Layers(writer=writer, sizes=sizes, inputs=inputs)
    return layers.write(names, x, first_only=first_only), sizes.hidden


def _read(config: ConfigFile) -> Sizes:
    config.require(position_embedding_type="absolute", is_decoder=False, add_cross_attention=False)
    return Sizes.read(config)


def layout(config: ConfigFile, has: Callable[[str], bool]) -> Layout:
    """Tell the encoder as data, see :class:`rapidembed.graph.architecture.ReadLayout`."""
    return encoder.layout(_read(config), padding=read_padding(config))


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
    encode=encode,
    layout=layout,
    mlm=MlmHead(names=ROBERTA_MLM, table=ANCHOR, read=_read),
    classifier=heads.ROBERTA_CLASSIFIER,
)
