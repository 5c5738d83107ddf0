"""The encoder of the GTE models (Zhang et al. 2024, https://arxiv.org/abs/2407.19669), as transformers' ``GteModel``.

The same is computed by the code that Alibaba-NLP published before, whose model_type is "new".
"""

import numpy as np
from numpy.typing import NDArray

from rapidembed.errors import UnsupportedModelError
from rapidembed.graph.architecture import Architecture, text_classes
from rapidembed.graph.architectures.post_norm import ANCHOR, Family, Names, PostNorm
from rapidembed.graph.blocks import heads
from rapidembed.graph.blocks.mlm import MlmHead, MlmNames
from rapidembed.graph.blocks.rotary import frequencies, read_turns
from rapidembed.graph.blocks.sizes import read_heads
from rapidembed.graph.inputs import Texts
from rapidembed.registry.config_file import ConfigFile

_NAMES = Names(
    norm="embeddings.LayerNorm",
    layer="encoder.layer.{}.",
    qkv=("attention.qkv_proj",),
    out="attention.o_proj",
    attention_norm="attn_ln",
    mlp=("mlp.up_gate_proj",),
    down="mlp.down_proj",
    mlp_norm="mlp_ln",
)
_MLM = MlmNames(dense="lm_head.dense", norm="lm_head.norm", decoder="lm_head.decoder", bias="lm_head.decoder.bias")


def _read(config: ConfigFile) -> PostNorm:
    """Take the fields."""
    config.require(
        position_embedding_type="rope",
        pack_qkv=True,
        layer_norm_type="layer_norm",
        logn_attention_scale=False,
    )
    hidden, attention_heads = read_heads(config)
    return PostNorm.read(
        config,
        names=_NAMES,
        types=config.count("type_vocab_size", 1),
        turns=_turns(config, hidden // attention_heads),
    )


def _turns(config: ConfigFile, width: int) -> NDArray[np.float32]:
    """Angles; the published code may stretch positions as https://kexue.fm/archives/9706 does (NTK scaling)."""
    scaling = config.section("rope_scaling")
    if not scaling.values:
        return read_turns(config, width, 160_000.0)
    scaling.require(type="ntk", mixed_b=None)
    factor = scaling.number("factor", 1.0)
    if factor < 1 or "type" not in scaling.values:
        raise UnsupportedModelError(f"{config.path}: rope_scaling={scaling.values!r} is not supported.")
    turns = frequencies(config.number("rope_theta", 160_000.0) * factor, width)
    return turns / np.float32(factor ** (2 / width))


_FAMILY = Family(lambda config, has, task: _read(config))

ARCHITECTURE = Architecture(
    classes=text_classes("Gte", "New", heads=("classification", "mlm")),
    prefixes=("", "new.", "gte."),
    anchor=ANCHOR,
    ignorable=("pooler.", "lm_head.", "embeddings.position_ids"),
    modality=Texts(told_apart=True),
    encode=_FAMILY.encode,
    layout=_FAMILY.layout,
    mlm=MlmHead(names=_MLM, table=ANCHOR, read=_read),
    classifier=heads.BERT_CLASSIFIER,
)
