"""jina-embeddings-v3 (Sturua et al. 2024, https://arxiv.org/abs/2409.10173): XLM-RoBERTa with rotary positions.

As transformers' ``JinaEmbeddingsV3Model`` computes it; and Jina AI's published code, which has an adapter for each
task.
"""

from rapidembed.errors import UnsupportedModelError
from rapidembed.graph.architecture import Architecture
from rapidembed.graph.architectures.post_norm import Family, Names, PostNorm
from rapidembed.graph.blocks.adapters import Adapters
from rapidembed.graph.blocks.rotary import read_turns
from rapidembed.graph.blocks.sizes import read_heads
from rapidembed.graph.inputs import Texts
from rapidembed.registry.config_file import ConfigFile
from rapidembed.registry.own_code import read_adapters

_ENCODERS = frozenset({"JinaEmbeddingsV3Model", "XLMRobertaModel", "XLMRobertaLoRA"})
ANCHOR = "emb_ln.weight"

_NAMES = Names(
    norm="emb_ln",
    layer="encoder.layers.{}.",
    qkv=("mixer.Wqkv",),
    out="mixer.out_proj",
    attention_norm="norm1",
    mlp=("mlp.fc1",),
    down="mlp.fc2",
    mlp_norm="norm2",
)


def _read(config: ConfigFile, task: str | None) -> PostNorm:
    """Take the fields; ``task`` is the input that chooses an adapter."""
    config.require(position_embedding_type="rotary", is_decoder=False, add_cross_attention=False)
    hidden, attention_heads = read_heads(config)
    published = "rotary_emb_base" in config.values
    name, default = ("rotary_emb_base", 10_000.0) if published else ("rope_theta", 20_000.0)
    return PostNorm.read(
        config,
        epsilon=1e-5,
        names=_NAMES,
        types=config.positive("type_vocab_size"),
        turns=read_turns(config, hidden // attention_heads, default, name=name),
        gated=False,
        up_bias=True,
        adapters=_adapters(config, task),
    )


def _adapters(config: ConfigFile, task: str | None) -> Adapters | None:
    tasks = read_adapters(config)
    if not tasks:
        return None
    if task is None:
        raise UnsupportedModelError(
            f"{config.path}: models with adapters (lora_adaptations) only give vectors of texts."
        )
    rank = config.optional_positive("lora_rank") or 4
    return Adapters(task=task, count=len(tasks), rank=rank, scale=config.number("lora_alpha", 1) / rank)


_FAMILY = Family(lambda config, has, task: _read(config, task))

ARCHITECTURE = Architecture(
    classes={
        "pool": _ENCODERS,
        "tokens": _ENCODERS,
    },
    prefixes=("", "roberta."),
    anchor=ANCHOR,
    ignorable=("pooler.", "lm_head."),
    modality=Texts(),
    encode=_FAMILY.encode,
)
