"""Tiny models of BERT's kin, see ``tiny.py``. Every field that a builder reads has one that changes it."""

import numpy as np
from numpy.typing import NDArray

from tests.golden.tiny import VOCABULARY, Group, Recipe, family, seed
from tests.golden.variants import HERE

POSITIONS = 40
TEXTS = ("", "a", "hello world", "The QUICK brown fox, jumps over 2 lazy dogs!", "hello world and the lazy fox " * 12)
PAIRS = (("the lazy dog", TEXTS[3]), ("", ""), ("fox", ""), (TEXTS[4], "the dog"), (TEXTS[4], TEXTS[4]))
_LENGTHS = (1, 2, 3, 17, POSITIONS)

_SMALL = {
    "vocab_size": VOCABULARY,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "max_position_embeddings": POSITIONS,
}
_OLD_NORMS = ((r"LayerNorm\.weight", "LayerNorm.gamma"), (r"LayerNorm\.bias", "LayerNorm.beta"))

# As in the published ones: the first two positions are never used.
_BEHIND_PADDING = _SMALL | {"max_position_embeddings": POSITIONS + 2, "layer_norm_eps": 1e-5}
_roberta = family("RobertaModel", _BEHIND_PADDING | {"type_vocab_size": 1}, tokenizer="roberta", lengths=_LENGTHS)
_mpnet = family("MPNetModel", _BEHIND_PADDING, tokenizer="roberta", lengths=_LENGTHS)
_distilbert = family(
    "DistilBertModel",
    {"vocab_size": VOCABULARY, "dim": 16, "n_layers": 2, "n_heads": 4, "hidden_dim": 24}
    | {"max_position_embeddings": POSITIONS},
    lengths=_LENGTHS,
)
_electra = family("ElectraModel", _SMALL | {"embedding_size": 8}, lengths=_LENGTHS)
_albert = family("AlbertModel", _SMALL | {"embedding_size": 8}, lengths=_LENGTHS)
_deberta = family(
    "DebertaV2Model",
    _SMALL
    | {  # as in the published ones of version 3
        "relative_attention": True,
        "position_buckets": 8,
        "max_relative_positions": -1,
        "pos_att_type": ["p2c", "c2p"],
        "share_att_key": True,
        "norm_rel_ebd": "layer_norm",
        "position_biased_input": False,
        "type_vocab_size": 0,
        "layer_norm_eps": 1e-7,
    },
    lengths=_LENGTHS,
)


def _values(name: str, shape: tuple[int, ...], norm: float) -> NDArray[np.float32]:
    raw = np.random.PCG64(seed(name)).random_raw(int(np.prod(shape)))
    spread = (raw >> np.uint64(40)).astype(np.float32) / np.float32(2**24) - np.float32(0.5)
    if len(shape) == 1:
        spread = spread / 2 + (norm if "norm" in name.lower() and name.endswith("weight") else 0)
    return spread.astype(np.float32).reshape(shape)


def _row(length: int) -> NDArray[np.int64]:
    row = (np.random.PCG64(length).random_raw(length) % VOCABULARY).astype(np.int64)
    if length > 8:
        row[5:8] = [0, 1, 1]  # those of padding are among them
    return row


_VARIANTS = {
    "roberta": _roberta(facade=True),
    "roberta_layer_norm_eps": _roberta(layer_norm_eps=1e-2),
    "roberta_layers_heads": _roberta(num_hidden_layers=3, num_attention_heads=2),
    "roberta_relu": _roberta(hidden_act="relu"),
    "roberta_types": _roberta(type_vocab_size=2, same_as="roberta"),
    "roberta_padding": _roberta(pad_token_id=0, max_position_embeddings=POSITIONS + 1),
    "roberta_published": _roberta(
        renamed=(*_OLD_NORMS, (r"^", "roberta.")),
        extra={
            "roberta.embeddings.position_ids": (1, POSITIONS + 2),
            "lm_head.bias": (VOCABULARY,),
            "lm_head.dense.weight": (16, 16),
        },
        published={"pad_token_id": None, "tie_word_embeddings": None, "is_decoder": None},
        same_as="roberta",
    ),
    "roberta_fp16": _roberta(stored="F16"),
    "xlm_roberta": _roberta("XLMRobertaModel", same_as="roberta"),
    "camembert": _roberta("CamembertModel", same_as="roberta"),
    "camembert_published": _roberta("CamembertModel", renamed=((r"^", "roberta."),), same_as="roberta"),
    "roberta_classifier": _roberta("RobertaForSequenceClassification", num_labels=1, facade=True),
    "xlm_roberta_classifier": _roberta(
        "XLMRobertaForSequenceClassification", num_labels=1, type_vocab_size=2, facade=True
    ),
    "camembert_classifier": _roberta("CamembertForSequenceClassification", num_labels=1, same_as="roberta_classifier"),
    "roberta_words": _roberta("RobertaForMaskedLM", hidden_act="relu", facade=True),
    "roberta_words_untied": _roberta("RobertaForMaskedLM", tie_word_embeddings=False),
    "xlm_roberta_words": _roberta("XLMRobertaForMaskedLM"),
    "camembert_words": _roberta("CamembertForMaskedLM", same_as="xlm_roberta_words"),
    "mpnet": _mpnet(facade=True),
    "mpnet_layer_norm_eps": _mpnet(layer_norm_eps=1e-2),
    "mpnet_layers_heads": _mpnet(num_hidden_layers=3, num_attention_heads=2),
    "mpnet_relu": _mpnet(hidden_act="relu"),
    "mpnet_padding": _mpnet(pad_token_id=0, same_as="mpnet"),
    "mpnet_buckets": _mpnet(relative_attention_num_buckets=33, same_as="mpnet"),
    "mpnet_far": _mpnet(max_position_embeddings=202, lengths=(3, 200)),
    "mpnet_published": _mpnet(
        renamed=(*_OLD_NORMS, (r"^", "mpnet.")),
        extra={"mpnet.embeddings.position_ids": (1, POSITIONS + 2), "lm_head.bias": (VOCABULARY,)},
        same_as="mpnet",
    ),
    "mpnet_bf16": _mpnet(stored="BF16"),
    "mpnet_classifier": _mpnet("MPNetForSequenceClassification", num_labels=1, facade=True),
    "mpnet_words": _mpnet("MPNetForMaskedLM", hidden_act="relu", facade=True),
    "distilbert": _distilbert(facade=True),
    "distilbert_layers_heads": _distilbert(n_layers=3, n_heads=2),
    "distilbert_relu": _distilbert(activation="relu"),
    "distilbert_sinusoidal": _distilbert(sinusoidal_pos_embds=True, same_as="distilbert"),
    "distilbert_published": _distilbert(
        renamed=((r"^", "distilbert."),),
        extra={"vocab_transform.weight": (16, 16), "vocab_projector.bias": (VOCABULARY,)},
        same_as="distilbert",
    ),
    "distilbert_classifier": _distilbert("DistilBertForSequenceClassification", num_labels=1, facade=True),
    "distilbert_words": _distilbert("DistilBertForMaskedLM", activation="relu", facade=True),
    "distilbert_words_untied": _distilbert("DistilBertForMaskedLM", tie_word_embeddings=False),
    "electra": _electra(facade=True),
    "electra_layer_norm_eps": _electra(layer_norm_eps=1e-2),
    "electra_layers_heads": _electra(num_hidden_layers=3, num_attention_heads=2),
    "electra_relu": _electra(hidden_act="relu"),
    "electra_types": _electra(type_vocab_size=3, same_as="electra"),
    "electra_not_projected": _electra(embedding_size=16),
    "electra_published": _electra(
        renamed=(*_OLD_NORMS, (r"^", "electra.")),
        extra={"electra.embeddings.position_ids": (1, POSITIONS), "discriminator_predictions.dense.bias": (16,)},
        same_as="electra",
    ),
    "electra_classifier": _electra("ElectraForSequenceClassification", num_labels=1, facade=True),
    "electra_classifier_relu": _electra("ElectraForSequenceClassification", num_labels=1, hidden_act="relu"),
    "albert": _albert(facade=True),
    "albert_layer_norm_eps": _albert(layer_norm_eps=1e-2),
    "albert_layers_heads": _albert(num_hidden_layers=3, num_attention_heads=2),
    "albert_groups": _albert(num_hidden_layers=5, num_hidden_groups=2),
    "albert_inner_groups": _albert(num_hidden_groups=2, inner_group_num=2),
    "albert_gelu": _albert(hidden_act="gelu"),
    "albert_same_width": _albert(embedding_size=16),
    "albert_published": _albert(
        renamed=(*_OLD_NORMS, (r"^", "albert.")),
        extra={
            "albert.embeddings.position_ids": (1, POSITIONS),
            "predictions.bias": (VOCABULARY,),
            "sop_classifier.classifier.bias": (2,),
        },
        same_as="albert",
    ),
    "deberta": _deberta(facade=True),
    "deberta_layer_norm_eps": _deberta(layer_norm_eps=1e-2),
    "deberta_layers_heads": _deberta(num_hidden_layers=3, num_attention_heads=2),
    "deberta_relu": _deberta(hidden_act="relu"),
    "deberta_buckets": _deberta(position_buckets=16),
    "deberta_no_buckets": _deberta(position_buckets=-1),
    "deberta_farthest": _deberta(max_relative_positions=30),
    "deberta_no_buckets_farthest": _deberta(position_buckets=-1, max_relative_positions=10),
    "deberta_far": _deberta(max_position_embeddings=200, position_buckets=64, lengths=(3, 200)),
    "deberta_c2p": _deberta(pos_att_type=["c2p"]),
    "deberta_p2c": _deberta(pos_att_type="P2C"),
    "deberta_not_relative": _deberta(relative_attention=False, norm_rel_ebd="none", position_biased_input=True),
    "deberta_own_keys": _deberta(share_att_key=False),
    "deberta_not_normalized": _deberta(norm_rel_ebd="none"),
    "deberta_positions": _deberta(position_biased_input=True),
    "deberta_types": _deberta(type_vocab_size=2),
    "deberta_types_positions": _deberta(type_vocab_size=2, position_biased_input=True),
    "deberta_published": _deberta(
        pos_att_type="p2c|c2p",
        renamed=((r"^", "deberta."),),
        extra={
            "deberta.embeddings.position_embeddings.weight": (POSITIONS, 16),
            "lm_predictions.lm_head.bias": (VOCABULARY,),
            "mask_predictions.dense.bias": (16,),
        },
        published={"legacy": None, "position_biased_input": False, "pooler_hidden_size": 16},
        same_as="deberta",
    ),
    "deberta_classifier": _deberta("DebertaV2ForSequenceClassification", num_labels=1, facade=True),
    "deberta_classifier_types": _deberta(
        "DebertaV2ForSequenceClassification", num_labels=1, type_vocab_size=2, facade=True
    ),
    "albert_classifier": _albert("AlbertForSequenceClassification", num_labels=1, facade=True),
}

GROUP = Group(
    path=HERE / "architectures_1",
    variants=_VARIANTS,
    recipe=Recipe(values=_values, row=_row, middle=lambda length: (length + 1) // 2, positions=POSITIONS, texts=TEXTS),
)
