"""NomicBERT (Nussbaum et al. 2024, https://arxiv.org/abs/2402.01613), as transformers' ``NomicBertModel`` computes it.

The same is computed by the code that nomic-ai published before, whose config.json calls fields as GPT-2's does.
"""

from rapidembed.errors import UnsupportedModelError
from rapidembed.graph.architecture import Architecture, text_classes
from rapidembed.graph.architectures.post_norm import ANCHOR, Family, Names, PostNorm
from rapidembed.graph.blocks import heads
from rapidembed.graph.blocks.rotary import read_turns
from rapidembed.graph.inputs import Texts
from rapidembed.registry.config_file import ConfigFile

_NAMES = Names(
    norm="emb_ln",
    layer="encoder.layers.{}.",
    qkv=("attn.Wqkv",),
    out="attn.out_proj",
    attention_norm="norm1",
    mlp=("mlp.fc11", "mlp.fc12"),
    down="mlp.fc2",
    mlp_norm="norm2",
)
_OLDER = {
    "hidden_size": "n_embd",
    "num_attention_heads": "n_head",
    "num_hidden_layers": "n_layer",
    "intermediate_size": "n_inner",
    "hidden_act": "",
    "layer_norm_eps": "layer_norm_epsilon",
}
"""GPT-2's names of fields."""
_ACTIVATIONS = {"swiglu": "silu", "geglu": "gelu"}


def _read(config: ConfigFile) -> PostNorm:
    """Take the fields, by today's names or by those of GPT-2."""
    older = "n_embd" in config.values
    config.require(
        prenorm=False,
        parallel_block=False,
        causal=False,
        use_rms_norm=False,
        rotary_emb_fraction=1.0,
        rotary_emb_interleaved=False,
        rotary_emb_scale_base=None,
        rotary_scaling_factor=None,
        rotary_head_dim=False,
        num_heads_kv=None,
        qkv_proj_bias=False,
        mlp_fc1_bias=False,
        mlp_fc2_bias=False,
        moe_every_n_layers=None,
    )

    hidden, attention_heads = (
        config.positive(_OLDER[name] if older else name) for name in ("hidden_size", "num_attention_heads")
    )
    if hidden % attention_heads or config.optional_positive("head_dim") not in (None, hidden // attention_heads):
        raise UnsupportedModelError(
            f"{config.path}: {attention_heads} heads of hidden_size {hidden} / {attention_heads} are expected; "
            f"head_dim={config.values.get('head_dim')!r} is not supported."
        )
    return PostNorm.read(
        config,
        fields=_OLDER if older else {},
        activation=_activation(config) if older else "silu",
        epsilon=1e-5 if older else 1e-12,
        names=_NAMES,
        types=config.count("type_vocab_size", 2),
        turns=read_turns(config, hidden // attention_heads, 1000.0, name="rotary_emb_base" if older else "rope_theta"),
        attention_bias=False,
        down_bias=False,
    )


def _activation(config: ConfigFile) -> str:
    name = config.text("activation_function", "gelu")
    if name not in _ACTIVATIONS:
        raise UnsupportedModelError(
            f"{config.path}: activation_function={name!r} is not supported; known: {', '.join(_ACTIVATIONS)}."
        )
    return _ACTIVATIONS[name]


_FAMILY = Family(lambda config, has, task: _read(config))

ARCHITECTURE = Architecture(
    classes=text_classes("NomicBert", heads=("classification",), trained=("MaskedLM", "PreTraining")),
    prefixes=("", "nomic_bert.", "bert."),
    anchor=ANCHOR,
    ignorable=("pooler.", "cls.", "embeddings.position_ids"),
    modality=Texts(told_apart=True),
    encode=_FAMILY.encode,
    layout=_FAMILY.layout,
    classifier=heads.BERT_CLASSIFIER,
)
