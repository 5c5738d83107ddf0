"""Tiny models of many architectures: what each is, and how its files are made where they are needed.

``make_architectures_2.py`` makes them for transformers, ``tests/core/test_architectures_2.py`` for rapidembed.
Committed are, for every variant, its config.json with the names and shapes of its tensors, and reference outputs. A
tensor's values follow from its name.
"""

import json
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copyfile
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

HERE = Path(__file__).parent
FILES = HERE / "architectures_2"
TOKENIZER = HERE / "base"
VOCABULARY = 112  # of that tokenizer
POOLING = {"qwen3": "lasttoken"}
"""How sentence-transformers pools the texts below, where it is not "mean"."""
HIDDEN = 2
"""How many tokens at the end of a text are hidden from the others in the outputs called "hidden"."""
TEXTS = ["", "hello world", "The quick brown fox, jumps over 2 lazy dogs! " * 3]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A model that differs from others of its architecture in what its graph must heed."""

    model: str
    """Class in transformers."""
    config: dict[str, Any] = field(default_factory=dict)
    """Arguments of its config."""
    published: dict[str, Any] = field(default_factory=dict)
    """Changes to config.json, see :func:`changed`: what the hub's files say in other words."""
    foreign: dict[str, Any] = field(default_factory=dict)
    """Such changes in words that transformers does not read: its outputs are those without them."""
    stretch: float | None = None
    """Factor of an NTK scaling of rotary positions that transformers does not know: it is given the angles."""
    second: bool = False
    """Whether a JinaBERT is of the second form."""
    task: int | None = None
    """Which of its adapters is used; transformers is given the matrices with it added. None: it has none."""
    lengths: tuple[int, ...] = (1, 2, 3, 17)
    same_as: str | None = None
    """Another variant, whose outputs it must have."""


_MODERN = {
    "vocab_size": VOCABULARY,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "local_attention": 8,
    "global_attn_every_n_layers": 2,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "bos_token_id": 2,
    "eos_token_id": 3,
    "cls_token_id": 2,
    "sep_token_id": 3,
}
_MODERN_LENGTHS = (1, 2, 4, 5, 6, 8, 9, 12, 13, 17, 24, 41)  # around the window, its blocks and their stretches of keys


def _modern(
    model: str = "ModernBertModel",
    *,
    published: dict[str, Any] | None = None,
    same_as: str | None = None,
    **config: Any,
) -> Variant:
    config = _MODERN | config
    return Variant(model=model, config=config, published=published or {}, lengths=_MODERN_LENGTHS, same_as=same_as)


_NOMIC = {
    "type_vocab_size": 2,
    "vocab_size": VOCABULARY,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 64,
}
_NOMIC_PUBLISHED = {
    **dict.fromkeys(["hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "head_dim"]),
    **dict.fromkeys(["hidden_act", "layer_norm_eps", "rope_parameters", "max_position_embeddings"]),
    "activation_function": "swiglu",
    "causal": False,
    "layer_norm_epsilon": 1e-12,
    "mlp_fc1_bias": False,
    "mlp_fc2_bias": False,
    "n_embd": 16,
    "n_head": 2,
    "n_inner": 24,
    "n_layer": 2,
    "n_positions": 64,
    "parallel_block": False,
    "prenorm": False,
    "qkv_proj_bias": False,
    "rotary_emb_base": 1000,
    "rotary_emb_fraction": 1.0,
    "rotary_emb_interleaved": False,
    "rotary_emb_scale_base": None,
    "rotary_scaling_factor": None,
    "use_rms_norm": False,
    "auto_map": {
        "AutoConfig": "nomic-ai/nomic-bert-2048--configuration_hf_nomic_bert.NomicBertConfig",
        "AutoModel": "nomic-ai/nomic-bert-2048--modeling_hf_nomic_bert.NomicBertModel",
        "AutoModelForMaskedLM": "nomic-ai/nomic-bert-2048--modeling_hf_nomic_bert.NomicBertForPreTraining",
    },
}


def _nomic(model: str = "NomicBertModel", *, same_as: str | None = None, **config: Any) -> Variant:
    return Variant(model=model, config=_NOMIC | config, same_as=same_as)


_GTE = {
    "vocab_size": VOCABULARY,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
}
_GTE_PUBLISHED = {
    "model_type": "new",
    "architectures": ["NewModel"],
    "rope_parameters": None,
    "rope_theta": 160000,
    "rope_scaling": None,
    "position_embedding_type": "rope",
    "pack_qkv": True,
    "layer_norm_type": "layer_norm",
    "logn_attention_clip1": False,
    "logn_attention_scale": False,
    "unpad_inputs": False,
    "use_memory_efficient_attention": False,
    "auto_map": {
        "AutoConfig": "Alibaba-NLP/new-impl--configuration.NewConfig",
        "AutoModel": "Alibaba-NLP/new-impl--modeling.NewModel",
        "AutoModelForMaskedLM": "Alibaba-NLP/new-impl--modeling.NewForMaskedLM",
        "AutoModelForSequenceClassification": "Alibaba-NLP/new-impl--modeling.NewForSequenceClassification",
    },
}
_ARCTIC_PUBLISHED = _GTE_PUBLISHED | {
    "model_type": "gte",
    "architectures": ["GteModel"],
    "auto_map": {
        "AutoConfig": "configuration_hf_alibaba_nlp_gte.GteConfig",
        "AutoModel": "modeling_hf_alibaba_nlp_gte.GteModel",
    },
}


def _gte(model: str = "GteModel", **config: Any) -> Variant:
    return Variant(model=model, config=_GTE | config)


_QWEN = {
    "vocab_size": VOCABULARY,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 6,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0},
}


def _qwen(
    model: str = "Qwen3Model",
    *,
    published: dict[str, Any] | None = None,
    same_as: str | None = None,
    **config: Any,
) -> Variant:
    return Variant(model=model, config=_QWEN | config, published=published or {}, same_as=same_as)


_GEMMA = {
    "vocab_size": VOCABULARY,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 6,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "query_pre_attn_scalar": 6,
    "sliding_window": 8,
    "layer_types": ["sliding_attention", "sliding_attention", "full_attention"],
    "use_bidirectional_attention": True,
}


def _gemma(*, published: dict[str, Any] | None = None, same_as: str | None = None, **config: Any) -> Variant:
    config = _GEMMA | config
    return Variant(
        model="Gemma3TextModel", config=config, published=published or {}, same_as=same_as, lengths=_MODERN_LENGTHS
    )


_JINA = {
    "model_type": "bert",
    "architectures": ["JinaBertForMaskedLM"],
    "auto_map": {
        "AutoConfig": "jinaai/jina-bert-implementation--configuration_bert.JinaBertConfig",
        "AutoModel": "jinaai/jina-bert-implementation--modeling_bert.JinaBertModel",
        "AutoModelForMaskedLM": "jinaai/jina-bert-implementation--modeling_bert.JinaBertForMaskedLM",
    },
    "emb_pooler": "mean",
    "feed_forward_type": "geglu",
    "hidden_act": "gelu",
    "hidden_size": 24,
    "intermediate_size": 20,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 64,
    "num_attention_heads": 6,
    "num_hidden_layers": 2,
    "pad_token_id": 0,
    "position_embedding_type": "alibi",
    "type_vocab_size": 2,
    "vocab_size": VOCABULARY,
}
_JINA_SCORES = {"architectures": ["JinaBertForSequenceClassification"], "id2label": {"0": "LABEL_0"}}


def _jina(model: str = "JinaBertModel", *, second: bool = False, **config: Any) -> Variant:
    return Variant(model=model, config=_JINA | config, second=second)


_JINA_3 = {
    "vocab_size": VOCABULARY,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 66,
}
_JINA_3_PUBLISHED = {
    "model_type": "xlm-roberta",
    "architectures": ["XLMRobertaModel"],
    "auto_map": {
        "AutoConfig": "jinaai/xlm-roberta-flash-implementation--configuration_xlm_roberta.XLMRobertaFlashConfig",
        "AutoModel": "jinaai/xlm-roberta-flash-implementation--modeling_lora.XLMRobertaLoRA",
        "AutoModelForMaskedLM": "jinaai/xlm-roberta-flash-implementation--modeling_xlm_roberta.XLMRobertaForMaskedLM",
    },
    "rope_parameters": None,
    "rotary_emb_base": 20000.0,
    "position_embedding_type": "rotary",
    "use_flash_attn": True,
}
_ADAPTED = _JINA_3_PUBLISHED | {
    "lora_adaptations": ["retrieval.query", "retrieval.passage", "separation"],
    "lora_alpha": 1,
    "lora_dropout_p": 0.0,
    "lora_main_params_trainable": False,
    "lora_rank": 4,
    "load_trained_adapters": True,
}


def _jina_3(
    *, foreign: dict[str, Any] | None = None, same_as: str | None = None, task: int | None = None, **config: Any
) -> Variant:
    config = _JINA_3 | config
    return Variant(model="JinaEmbeddingsV3Model", config=config, foreign=foreign or {}, same_as=same_as, task=task)


VARIANTS: dict[str, dict[str, Variant]] = {
    "modernbert": {
        "base": _modern(),
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
        "base": _gte(),
        "published": Variant(model="GteModel", config=_GTE, foreign=_GTE_PUBLISHED, same_as="base"),
        "published by Snowflake": Variant(model="GteModel", config=_GTE, foreign=_ARCTIC_PUBLISHED, same_as="base"),
        "stretched": Variant(
            model="GteModel",
            config=_GTE | {"rope_parameters": {"rope_type": "default", "rope_theta": 50.0}},
            foreign=_GTE_PUBLISHED | {"rope_theta": 50, "rope_scaling": {"type": "ntk", "factor": 2.0}},
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
        "base": _gemma(),
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
        "base": _qwen(),
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
        "base": _jina(),
        "heads": _jina(num_attention_heads=4),
        "activation": _jina(feed_forward_type="reglu"),
        "epsilon": _jina(layer_norm_eps=0.1),
        "classifier": _jina("JinaBertForSequenceClassification", **_JINA_SCORES),
        "second": _jina(second=True),
        "second activation": _jina(second=True, feed_forward_type="reglu"),
        "second epsilon": _jina(second=True, layer_norm_eps=0.1),
        "second classifier": _jina("JinaBertForSequenceClassification", second=True, **_JINA_SCORES),
    },
    "jina_embeddings_v3": {
        "base": _jina_3(),
        "published": _jina_3(foreign=_JINA_3_PUBLISHED, same_as="base"),
        "theta": _jina_3(rope_parameters={"rope_type": "default", "rope_theta": 7.0}),
        "activation": _jina_3(hidden_act="silu"),
        "epsilon": _jina_3(layer_norm_eps=0.1),
        "heads": _jina_3(num_attention_heads=4),
        "first task": _jina_3(foreign=_ADAPTED, task=0),
        "last task": _jina_3(foreign=_ADAPTED, task=2),
        "rank": _jina_3(foreign=_ADAPTED | {"lora_rank": 3}, task=1),
        "strength": _jina_3(foreign=_ADAPTED | {"lora_alpha": 3}, task=1),
    },
    "nomic_bert": {
        "base": _nomic(),
        "published": Variant(model="NomicBertModel", config=_NOMIC, foreign=_NOMIC_PUBLISHED, same_as="base"),
        "published values": Variant(
            model="NomicBertModel",
            config=_NOMIC
            | {"num_attention_heads": 4, "hidden_act": "gelu", "layer_norm_eps": 0.01, "num_hidden_layers": 1}
            | {"rope_parameters": {"rope_type": "default", "rope_theta": 9.0}},
            foreign=_NOMIC_PUBLISHED
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


def head(variant: Variant) -> str:
    """What the model's outputs are, in the words of :data:`rapidembed.types.Head`."""
    if variant.model.endswith("ForSequenceClassification"):
        return "classification"
    return "mlm" if variant.model.endswith("ForMaskedLM") else "tokens"


def ids(length: int) -> NDArray[np.int64]:
    """Token ids of a text of that length, (1, length)."""
    return np.random.RandomState(length).randint(5, VOCABULARY, (1, length)).astype(np.int64)


def types(length: int) -> NDArray[np.int64]:
    """Which of two texts each token belongs to, (1, length)."""
    return (np.arange(length) >= length // 2).astype(np.int64)[None]


def inputs(variant: Variant, length: int) -> dict[str, NDArray[np.int64]]:
    """What a model is given, by name: pairs where it scores them, if it tells texts apart."""
    apart = head(variant) == "classification" and variant.config.get("type_vocab_size", 1) > 1
    return {"input_ids": ids(length), "token_type_ids": types(length) * apart}


def adapted(variant: Variant, tensors: dict[str, list[int]]) -> dict[str, list[int]]:
    """Tensors of a model with adapters, as they are stored, of one without."""
    count, rank = len(variant.foreign["lora_adaptations"]), variant.foreign["lora_rank"]
    found = {}
    for name, shape in tensors.items():
        if len(shape) == 1:
            found[name] = shape
            continue
        thin = [[count, shape[0], rank], [count, rank, shape[1]]]
        stem = f"{name.removesuffix('.weight')}.parametrizations.weight"
        a, b = thin if "embeddings" in name else [thin[1], thin[0]]
        found |= {f"{stem}.original": shape, f"{stem}.0.lora_A": a, f"{stem}.0.lora_B": b}
    return found


def tensor(name: str, shape: list[int], norm: float) -> NDArray[np.float32]:
    """A tensor's values: large enough that each matters, those that norms multiply by around ``norm``."""
    values = np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape) * 0.2
    return (values + norm * (len(shape) == 1 and name.endswith("weight"))).astype(np.float32)


def changed(config: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A config with changes; None takes a field out."""
    return {name: value for name, value in (config | changes).items() if changes.get(name, 0) is not None}


def described(architecture: str) -> dict[str, Any]:
    """Config and tensors of each variant, as committed."""
    content: dict[str, Any] = json.loads((FILES / f"{architecture}.json").read_text(encoding="utf-8"))
    return content


def write_model(config: dict[str, Any], tensors: dict[str, list[int]], folder: Path) -> Path:
    """The model's own files."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    norm = 0 if config["model_type"] == "gemma3_text" else 1  # Gemma's norms add the 1
    arrays = {name: tensor(name, shape, norm) for name, shape in tensors.items()}
    save_file(arrays, folder / "model.safetensors", {"format": "pt"})
    return folder


def add_modules(folder: Path, architecture: str, width: int) -> Path:
    """The tokenizer and the files by which sentence-transformers pools token vectors."""
    for name in ("tokenizer.json", "tokenizer_config.json"):
        copyfile(TOKENIZER / name, folder / name)
    kinds = {"": "base.modules.transformer.Transformer", "1_Pooling": "sentence_transformer.modules.pooling.Pooling"}
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.{kind}"}
        for i, (path, kind) in enumerate(kinds.items())
    ]
    (folder / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    (folder / "1_Pooling").mkdir(exist_ok=True)
    values = {"embedding_dimension": width, "pooling_mode": POOLING.get(architecture, "mean")}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(values), encoding="utf-8")
    return folder
