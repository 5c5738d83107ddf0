"""Tiny models of encoders after BERT's kin, see ``tiny.py``. Every field that a builder reads is changed by one."""

import numpy as np
from numpy.typing import NDArray

from tests.golden import published
from tests.golden.tiny import VOCABULARY, Group, Recipe, Variant, family, seed
from tests.golden.variants import HERE

_LENGTHS = (1, 2, 3, 17)

_AROUND_WINDOWS = (1, 2, 4, 5, 6, 8, 9, 12, 13, 17, 24, 41)
"""Of local attention, their blocks and their stretches of keys."""

_SMALL = {
    "vocab_size": VOCABULARY,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 64,
}
_modern = family(
    "ModernBertModel",
    _SMALL
    | {"num_hidden_layers": 3, "local_attention": 8, "global_attn_every_n_layers": 2, "pad_token_id": 0}
    | {"bos_token_id": 2, "eos_token_id": 3, "cls_token_id": 2, "sep_token_id": 3},
    lengths=_AROUND_WINDOWS,
)
_nomic = family("NomicBertModel", _SMALL | {"type_vocab_size": 2}, lengths=_LENGTHS)
_gte = family("GteModel", _SMALL | {"pad_token_id": 0}, lengths=_LENGTHS)
_DECODER = _SMALL | {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 6, "pad_token_id": 0}
_qwen = family(
    "Qwen3Model",
    _DECODER | {"rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0}},
    pooling="lasttoken",
    lengths=_LENGTHS,
)
_gemma = family(
    "Gemma3TextModel",
    _DECODER
    | {"num_hidden_layers": 3, "query_pre_attn_scalar": 6, "sliding_window": 8, "use_bidirectional_attention": True}
    | {"layer_types": ["sliding_attention", "sliding_attention", "full_attention"]},
    lengths=_AROUND_WINDOWS,
)
_jina = family("JinaBertModel", published.JINA, lengths=_LENGTHS)
_jina_3 = family("JinaEmbeddingsV3Model", _SMALL | {"max_position_embeddings": 66}, lengths=_LENGTHS)

_VARIANTS: dict[str, dict[str, Variant]] = {
    "modernbert": {
        "base": _modern(facade=True),
        "older config": _modern(
            published={
                "layer_types": None,
                "rope_parameters": None,
                "global_attn_every_n_layers": 2,
                "global_rope_theta": 160000.0,
                "local_rope_theta": 10000.0,
            },
            same_as="base",
        ),
        "older defaults": _modern(
            published=dict.fromkeys(
                ["layer_types", "global_attn_every_n_layers", "rope_parameters", "local_attention", "norm_eps"]
            )
        ),
        "older thetas": _modern(
            published={"rope_parameters": None, "global_rope_theta": 900.0, "local_rope_theta": 70.0}
        ),
        "thetas": _modern(
            rope_parameters={
                "full_attention": {"rope_type": "default", "rope_theta": 500.0},
                "sliding_attention": {"rope_type": "default", "rope_theta": 50.0},
            }
        ),
        "local layers": _modern(layer_types=["sliding_attention"] * 3),
        "full layers": _modern(layer_types=["full_attention"] * 3),
        "odd window": _modern(local_attention=5),
        "widest window": _modern(local_attention=200),
        "biases": _modern(norm_bias=True, mlp_bias=True, attention_bias=True),
        "epsilon": _modern(norm_eps=0.1),
        "activation": _modern(hidden_activation="silu"),
        "heads": _modern(num_attention_heads=4),
        "classifier": _modern("ModernBertForSequenceClassification", num_labels=1),
        "mean classifier": _modern("ModernBertForSequenceClassification", num_labels=1, classifier_pooling="mean"),
        "other classifier": _modern(
            "ModernBertForSequenceClassification",
            num_labels=1,
            classifier_bias=True,
            classifier_activation="relu",
            norm_bias=True,
            layer_types=["sliding_attention"] * 3,
        ),
        "words": _modern("ModernBertForMaskedLM"),
        "other words": _modern(
            "ModernBertForMaskedLM",
            tie_word_embeddings=False,
            decoder_bias=False,
            classifier_bias=True,
            classifier_activation="silu",
        ),
    },
    "gte": {
        "base": _gte(facade=True),
        "published": _gte(foreign=published.GTE, same_as="base"),
        "published by Snowflake": _gte(foreign=published.ARCTIC, same_as="base"),
        "stretched": _gte(
            rope_parameters={"rope_type": "default", "rope_theta": 50.0},
            foreign=published.GTE | {"rope_theta": 50, "rope_scaling": {"type": "ntk", "factor": 2.0}},
            stretch=2.0,
        ),
        "no types": _gte(type_vocab_size=0),
        "theta": _gte(rope_parameters={"rope_type": "default", "rope_theta": 7.0}),
        "activation": _gte(hidden_act="silu"),
        "epsilon": _gte(layer_norm_eps=0.1),
        "heads": _gte(num_attention_heads=4),
        "classifier": _gte("GteForSequenceClassification", num_labels=1),
        "classifier of pairs": _gte("GteForSequenceClassification", num_labels=1, type_vocab_size=2),
        "words": _gte("GteForMaskedLM"),
        "untied words": _gte("GteForMaskedLM", tie_word_embeddings=False),
    },
    "gemma3_text": {
        "base": _gemma(facade=True),
        "older config": _gemma(
            published={
                "layer_types": None,
                "rope_parameters": None,
                "sliding_window_pattern": 3,
                "rope_theta": 1000000.0,
                "rope_local_base_freq": 10000.0,
                "rope_scaling": None,
            },
            same_as="base",
        ),
        "older thetas": _gemma(published={"rope_parameters": None, "rope_theta": 900.0, "rope_local_base_freq": 70.0}),
        "default layers": _gemma(
            num_hidden_layers=6, layer_types=None, published={"layer_types": None, "_sliding_window_pattern": 6}
        ),
        "odd window": _gemma(sliding_window=5),
        "scale": _gemma(query_pre_attn_scalar=40),
        "activation": _gemma(hidden_activation="silu"),
        "epsilon": _gemma(rms_norm_eps=0.1),
        "biases": _gemma(attention_bias=True),
        "one key": _gemma(num_key_value_heads=1),
        "wide heads": _gemma(head_dim=8),
        "defaults": _gemma(
            head_dim=256,
            query_pre_attn_scalar=256,
            published=dict.fromkeys(["head_dim", "query_pre_attn_scalar", "hidden_activation", "rms_norm_eps"]),
        ),
    },
    "qwen3": {
        "base": _qwen(facade=True),
        "older config": _qwen(
            published={"layer_types": None, "rope_parameters": None, "rope_theta": 1000000.0, "rope_scaling": None},
            same_as="base",
        ),
        "theta": _qwen(rope_parameters={"rope_type": "default", "rope_theta": 7.0}),
        "default theta": _qwen(published={"rope_parameters": None}),
        "every key": _qwen(num_key_value_heads=4),
        "one key": _qwen(num_key_value_heads=1),
        "wide heads": _qwen(head_dim=8),
        "default width": _qwen(head_dim=128, published={"head_dim": None}),
        "activation": _qwen(hidden_act="gelu"),
        "epsilon": _qwen(rms_norm_eps=0.1),
        "biases": _qwen(attention_bias=True),
        "language model": _qwen("Qwen3ForCausalLM", tie_word_embeddings=True),
        "classifier": _qwen("Qwen3ForSequenceClassification", num_labels=1),
    },
    "jina_bert": {
        "base": _jina(facade=True),
        "heads": _jina(num_attention_heads=4),
        "activation": _jina(feed_forward_type="reglu"),
        "epsilon": _jina(layer_norm_eps=0.1),
        "classifier": _jina("JinaBertForSequenceClassification", **published.JINA_SCORES),
        "second": _jina(second=True),
        "second activation": _jina(second=True, feed_forward_type="reglu"),
        "second epsilon": _jina(second=True, layer_norm_eps=0.1),
        "second classifier": _jina("JinaBertForSequenceClassification", second=True, **published.JINA_SCORES),
    },
    "jina_embeddings_v3": {
        "base": _jina_3(facade=True),
        "published": _jina_3(foreign=published.JINA_3, same_as="base"),
        "theta": _jina_3(rope_parameters={"rope_type": "default", "rope_theta": 7.0}),
        "activation": _jina_3(hidden_act="silu"),
        "epsilon": _jina_3(layer_norm_eps=0.1),
        "heads": _jina_3(num_attention_heads=4),
        "first task": _jina_3(foreign=published.JINA_3_ADAPTED, task=0),
        "last task": _jina_3(foreign=published.JINA_3_ADAPTED, task=2),
        "rank": _jina_3(foreign=published.JINA_3_ADAPTED | {"lora_rank": 3}, task=1),
        "strength": _jina_3(foreign=published.JINA_3_ADAPTED | {"lora_alpha": 3}, task=1),
    },
    "nomic_bert": {
        "base": _nomic(facade=True),
        "published": _nomic(foreign=published.NOMIC, same_as="base"),
        "published values": _nomic(
            num_attention_heads=4,
            hidden_act="gelu",
            layer_norm_eps=0.01,
            num_hidden_layers=1,
            rope_parameters={"rope_type": "default", "rope_theta": 9.0},
            foreign=published.NOMIC
            | {"n_head": 4, "activation_function": "geglu", "layer_norm_epsilon": 0.01, "n_layer": 1}
            | {"rotary_emb_base": 9},
        ),
        "theta": _nomic(rope_parameters={"rope_type": "default", "rope_theta": 7.0}),
        "activation": _nomic(hidden_act="gelu"),
        "epsilon": _nomic(layer_norm_eps=0.1),
        "heads": _nomic(num_attention_heads=4),
        "one type": _nomic(type_vocab_size=1, same_as="base"),
        "classifier": _nomic("NomicBertForSequenceClassification", num_labels=1),
    },
}


def _values(name: str, shape: tuple[int, ...], norm: float) -> NDArray[np.float32]:
    """Large enough that each matters."""
    values = np.random.RandomState(seed(name)).standard_normal(shape) * 0.2
    return (values + norm * (len(shape) == 1 and name.endswith("weight"))).astype(np.float32)


_RECIPE = Recipe(
    values=_values,
    row=lambda length: np.random.RandomState(length).randint(5, VOCABULARY, length).astype(np.int64),
    middle=lambda length: length // 2,
    positions=64,
    texts=("", "hello world", "The quick brown fox, jumps over 2 lazy dogs! " * 3),
)
GROUPS = {
    name: Group(path=HERE / "architectures_2" / name, variants=variants, recipe=_RECIPE)
    for name, variants in _VARIANTS.items()
}
