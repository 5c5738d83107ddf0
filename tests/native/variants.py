"""Small encoders of many architectures, whose weights follow from their names."""

import re
import zlib
from collections.abc import Iterator

import numpy as np

VOCABULARY = 64
LENGTHS = (1, 7, 33, 100)
_COMMON = {
    "hidden_size": 128,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 200,
    "vocab_size": VOCABULARY,
    "max_position_embeddings": 130,
}
CONFIGS = {
    "bert": _COMMON | {"model_type": "bert", "type_vocab_size": 2},
    "bert-tanh": _COMMON | {"model_type": "bert", "type_vocab_size": 2, "hidden_act": "gelu_new"},
    "roberta": _COMMON
    | {"model_type": "roberta", "num_attention_heads": 4, "type_vocab_size": 1, "hidden_act": "relu"},
    "electra": _COMMON
    | {"model_type": "electra", "num_attention_heads": 1, "embedding_size": 64, "type_vocab_size": 2},
    "mpnet": _COMMON | {"model_type": "mpnet", "hidden_size": 192},
    "distilbert": {
        **{"model_type": "distilbert", "dim": 128, "n_layers": 3, "n_heads": 2, "hidden_dim": 200},
        **{"vocab_size": VOCABULARY, "max_position_embeddings": 130},
    },
    "nomic": _COMMON | {"model_type": "nomic_bert", "type_vocab_size": 2, "hidden_act": "silu"},
    "modernbert": _COMMON
    | {"model_type": "modernbert", "num_hidden_layers": 4, "local_attention": 16, "global_attn_every_n_layers": 3}
    | {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "cls_token_id": 1, "sep_token_id": 2},
}


_PUBLISHED = {
    r"^embeddings\.LayerNorm": "emb_ln",
    r"^layers": "encoder.layers",
    r"post_attention_layernorm": "norm1",
    r"post_mlp_layernorm": "norm2",
    r"self_attn\.o_proj": "attn.out_proj",
    r"mlp\.gate_proj": "mlp.fc12",
    r"mlp\.up_proj": "mlp.fc11",
    r"mlp\.down_proj": "mlp.fc2",
}


def published(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """NomicBERT's tensors as checkpoints hold them, which transformers renames while it loads."""
    found = {}
    for name, tensor in tensors.items():
        if "self_attn.q_proj" in name:
            parts = [tensors[name.replace("q_proj", part)] for part in ("q_proj", "k_proj", "v_proj")]
            name, tensor = name.replace("self_attn.q_proj", "attn.Wqkv"), np.concatenate(parts)
        elif re.search(r"[kv]_proj", name):
            continue
        for pattern, replacement in _PUBLISHED.items():
            name = re.sub(pattern, replacement, name)
        found[name] = tensor
    return found


def tokens() -> Iterator[list[int]]:
    """Token ids of texts of all lengths; none is a padding token."""
    for length in LENGTHS:
        yield (3 + np.random.PCG64(length).random_raw(length) % (VOCABULARY - 3)).astype(int).tolist()


def values(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """A tensor's values, the same on every machine; norms scale by about one."""
    raw = np.random.PCG64(zlib.crc32(name.encode())).random_raw(int(np.prod(shape)))
    spread = (raw >> np.uint64(40)).astype(np.float32) / np.float32(2**24) - np.float32(0.5)
    if len(shape) == 1:
        is_norm = any(part in name.lower() for part in ("norm", "_ln", "ln.")) and name.endswith("weight")
        spread = spread / 2 + (1 if is_norm else 0)
    elif "embed" not in name:
        spread = spread * np.float32(4 / np.sqrt(shape[-1]))
    return spread.astype(np.float32).reshape(shape)
