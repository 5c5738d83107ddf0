"""BERT (Devlin et al. 2018, https://arxiv.org/abs/1810.04805), as transformers' ``BertModel`` computes it."""

from collections.abc import Callable

from rapidembed.graph.architecture import Architecture
from rapidembed.graph.architectures import encoder
from rapidembed.graph.architectures.encoder import ANCHOR, Layers, Sizes
from rapidembed.graph.blocks import heads
from rapidembed.graph.blocks.mlm import BERT_MLM, MlmHead
from rapidembed.graph.inputs import TextInputs, Texts
from rapidembed.graph.layout import Layout
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry.config_file import ConfigFile

_ENCODERS = frozenset({"BertModel", "BertForMaskedLM", "BertForPreTraining"})


def encode(writer: GraphWriter, config: ConfigFile, inputs: TextInputs, *, first_only: bool) -> tuple[str, int]:
    """Write the encoder, see :class:`rapidembed.graph.architecture.Encode`."""
    layers, names, x = _layers(writer, config, inputs)
    return layers.write(names, x, first_only=first_only), layers.sizes.hidden


def attention(writer: GraphWriter, config: ConfigFile, inputs: TextInputs) -> str:
    """Write the encoder up to the attention of its last layer, see :func:`rapidembed.graph.blocks.heads.attention`."""
    layers, names, x = _layers(writer, config, inputs)
    return layers.first_attention(names, x, inputs.real)


def _layers(writer: GraphWriter, config: ConfigFile, inputs: TextInputs) -> tuple[Layers, list[str], str]:
    """The layers, the beginnings of their tensors' names, and the embeddings."""
    sizes = _read(config)
    x = encoder.embeddings(writer, sizes, inputs)
    names = [f"encoder.layer.{layer}." for layer in range(sizes.layers)]
    return Layers(writer=writer, sizes=sizes, inputs=inputs), names, x


def _read(config: ConfigFile) -> Sizes:
    config.require(position_embedding_type="absolute", is_decoder=False, add_cross_attention=False)
    return Sizes.read(config)


def layout(config: ConfigFile, has: Callable[[str], bool]) -> Layout:
    """Tell the encoder as data, see :class:`rapidembed.graph.architecture.ReadLayout`."""
    return encoder.layout(_read(config))


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
    encode=encode,
    layout=layout,
    attention=attention,
    mlm=MlmHead(names=BERT_MLM, table=ANCHOR, read=_read),
    classifier=heads.BERT_CLASSIFIER,
)
