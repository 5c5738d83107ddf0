"""JinaBERT (Günther et al. 2023, https://arxiv.org/abs/2310.19923), as Jina AI's published code computes it.

There are two forms of that code. The later one also normalizes queries, keys and, once more, what attention gives.
"""

from dataclasses import replace

from rapidembed.errors import UnsupportedModelError
from rapidembed.graph.architecture import Architecture, text_classes
from rapidembed.graph.architectures.post_norm import ANCHOR, Family, Names, PostNorm
from rapidembed.graph.blocks import heads
from rapidembed.graph.inputs import Texts
from rapidembed.registry.config_file import ConfigFile

_FIRST = Names(
    norm="embeddings.LayerNorm",
    layer="encoder.layer.{}.",
    qkv=("attention.self.query", "attention.self.key", "attention.self.value"),
    out="attention.output.dense",
    attention_norm="attention.output.LayerNorm",
    mlp=("mlp.gated_layers",),
    down="mlp.wo",
    mlp_norm="mlp.layernorm",
)
_SECOND = replace(
    _FIRST,
    qk_norms=("attention.self.layer_norm_q", "attention.self.layer_norm_k"),
    residual_norm="layer_norm_1",
    mlp=("mlp.up_gated_layer",),
    down="mlp.down_layer",
    mlp_norm="layer_norm_2",
)
_OF_SECOND = "encoder.layer.0.mlp.up_gated_layer.weight"
_ACTIVATIONS = {"geglu": "gelu", "reglu": "relu"}


def _read(config: ConfigFile, second: bool) -> PostNorm:
    """Take the fields; ``second`` is the later form of the code."""
    config.require(is_decoder=False, add_cross_attention=False)
    if config.text("position_embedding_type", "absolute") != "alibi":
        raise UnsupportedModelError(f"{config.path}: only position_embedding_type='alibi' is supported.")
    kind = config.text("feed_forward_type", "original")
    if kind not in _ACTIVATIONS:
        raise UnsupportedModelError(
            f"{config.path}: feed_forward_type={kind!r} is not supported; known: {', '.join(_ACTIVATIONS)}."
        )
    return PostNorm.read(
        config,
        fields={"hidden_act": ""},
        activation=_ACTIVATIONS[kind],
        names=_SECOND if second else _FIRST,
        types=config.positive("type_vocab_size"),
        turns=None,
        gate_first=not second,
    )


_FAMILY = Family(lambda config, has, task: _read(config, has(_OF_SECOND)))

ARCHITECTURE = Architecture(
    classes=text_classes("JinaBert", heads=("classification",)),
    prefixes=("", "bert."),
    anchor=ANCHOR,
    ignorable=("pooler.", "cls.", "embeddings.position_ids", "embeddings.token_type_ids"),
    modality=Texts(told_apart=True),
    encode=_FAMILY.encode,
    layout=_FAMILY.layout,
    classifier=heads.BERT_CLASSIFIER,
)
