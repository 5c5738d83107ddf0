"""Tiny models of BERT's kin, see ``architectures.py``. Every field that a builder reads has one that changes it."""

from typing import Any

from tests.golden.architectures import POSITIONS, VOCABULARY, Variant

_SMALL = {
    "vocab_size": VOCABULARY,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "max_position_embeddings": POSITIONS,
}
_OLD_NORMS = ((r"LayerNorm\.weight", "LayerNorm.gamma"), (r"LayerNorm\.bias", "LayerNorm.beta"))


def _roberta(architecture: str = "RobertaModel", *, config: dict[str, Any] | None = None, **more: Any) -> Variant:
    # As in the published ones: the first two positions are never used.
    own = {"max_position_embeddings": POSITIONS + 2, "type_vocab_size": 1, "layer_norm_eps": 1e-5}
    return Variant(architecture=architecture, config=_SMALL | own | (config or {}), tokenizer="roberta", **more)


def _mpnet(architecture: str = "MPNetModel", *, config: dict[str, Any] | None = None, **more: Any) -> Variant:
    own = {"max_position_embeddings": POSITIONS + 2, "layer_norm_eps": 1e-5}
    return Variant(architecture=architecture, config=_SMALL | own | (config or {}), tokenizer="roberta", **more)


def _distilbert(architecture: str = "DistilBertModel", *, config: dict[str, Any] | None = None, **more: Any) -> Variant:
    own = {"vocab_size": VOCABULARY, "dim": 16, "n_layers": 2, "n_heads": 4, "hidden_dim": 24}
    own |= {"max_position_embeddings": POSITIONS}
    return Variant(architecture=architecture, config=own | (config or {}), **more)


def _electra(architecture: str = "ElectraModel", *, config: dict[str, Any] | None = None, **more: Any) -> Variant:
    return Variant(architecture=architecture, config=_SMALL | {"embedding_size": 8} | (config or {}), **more)


def _albert(architecture: str = "AlbertModel", *, config: dict[str, Any] | None = None, **more: Any) -> Variant:
    return Variant(architecture=architecture, config=_SMALL | {"embedding_size": 8} | (config or {}), **more)


def _deberta(architecture: str = "DebertaV2Model", *, config: dict[str, Any] | None = None, **more: Any) -> Variant:
    # As in the published ones of version 3.
    own = {
        "relative_attention": True,
        "position_buckets": 8,
        "max_relative_positions": -1,
        "pos_att_type": ["p2c", "c2p"],
        "share_att_key": True,
        "norm_rel_ebd": "layer_norm",
        "position_biased_input": False,
        "type_vocab_size": 0,
        "layer_norm_eps": 1e-7,
    }
    return Variant(architecture=architecture, config=_SMALL | own | (config or {}), **more)


VARIANTS = {
    "roberta": _roberta(facade=True),
    "roberta_layer_norm_eps": _roberta(config={"layer_norm_eps": 1e-2}),
    "roberta_layers_heads": _roberta(config={"num_hidden_layers": 3, "num_attention_heads": 2}),
    "roberta_relu": _roberta(config={"hidden_act": "relu"}),
    "roberta_types": _roberta(config={"type_vocab_size": 2}, same_as="roberta"),
    "roberta_padding": _roberta(config={"pad_token_id": 0, "max_position_embeddings": POSITIONS + 1}),
    "roberta_published": _roberta(
        renamed=(*_OLD_NORMS, (r"^", "roberta.")),
        extra={
            "roberta.embeddings.position_ids": (1, POSITIONS + 2),
            "lm_head.bias": (VOCABULARY,),
            "lm_head.dense.weight": (16, 16),
        },
        saved={"pad_token_id": None, "tie_word_embeddings": None, "is_decoder": None},
        same_as="roberta",
    ),
    "roberta_fp16": _roberta(stored="F16"),
    "xlm_roberta": _roberta("XLMRobertaModel", same_as="roberta"),
    "camembert": _roberta("CamembertModel", same_as="roberta"),
    "camembert_published": _roberta("CamembertModel", renamed=((r"^", "roberta."),), same_as="roberta"),
    "roberta_classifier": _roberta("RobertaForSequenceClassification", config={"num_labels": 1}, facade=True),
    "xlm_roberta_classifier": _roberta(
        "XLMRobertaForSequenceClassification", config={"num_labels": 1, "type_vocab_size": 2}, facade=True
    ),
    "camembert_classifier": _roberta(
        "CamembertForSequenceClassification", config={"num_labels": 1}, same_as="roberta_classifier"
    ),
    "roberta_words": _roberta("RobertaForMaskedLM", config={"hidden_act": "relu"}, facade=True),
    "roberta_words_untied": _roberta("RobertaForMaskedLM", config={"tie_word_embeddings": False}),
    "xlm_roberta_words": _roberta("XLMRobertaForMaskedLM"),
    "camembert_words": _roberta("CamembertForMaskedLM", same_as="xlm_roberta_words"),
    "mpnet": _mpnet(facade=True),
    "mpnet_layer_norm_eps": _mpnet(config={"layer_norm_eps": 1e-2}),
    "mpnet_layers_heads": _mpnet(config={"num_hidden_layers": 3, "num_attention_heads": 2}),
    "mpnet_relu": _mpnet(config={"hidden_act": "relu"}),
    "mpnet_padding": _mpnet(config={"pad_token_id": 0}, same_as="mpnet"),
    "mpnet_buckets": _mpnet(config={"relative_attention_num_buckets": 33}, same_as="mpnet"),
    "mpnet_far": _mpnet(config={"max_position_embeddings": 202}, lengths=(3, 200)),
    "mpnet_published": _mpnet(
        renamed=(*_OLD_NORMS, (r"^", "mpnet.")),
        extra={"mpnet.embeddings.position_ids": (1, POSITIONS + 2), "lm_head.bias": (VOCABULARY,)},
        same_as="mpnet",
    ),
    "mpnet_bf16": _mpnet(stored="BF16"),
    "mpnet_classifier": _mpnet("MPNetForSequenceClassification", config={"num_labels": 1}, facade=True),
    "mpnet_words": _mpnet("MPNetForMaskedLM", config={"hidden_act": "relu"}, facade=True),
    "distilbert": _distilbert(facade=True),
    "distilbert_layers_heads": _distilbert(config={"n_layers": 3, "n_heads": 2}),
    "distilbert_relu": _distilbert(config={"activation": "relu"}),
    "distilbert_sinusoidal": _distilbert(config={"sinusoidal_pos_embds": True}, same_as="distilbert"),
    "distilbert_published": _distilbert(
        renamed=((r"^", "distilbert."),),
        extra={"vocab_transform.weight": (16, 16), "vocab_projector.bias": (VOCABULARY,)},
        same_as="distilbert",
    ),
    "distilbert_classifier": _distilbert("DistilBertForSequenceClassification", config={"num_labels": 1}, facade=True),
    "distilbert_words": _distilbert("DistilBertForMaskedLM", config={"activation": "relu"}, facade=True),
    "distilbert_words_untied": _distilbert("DistilBertForMaskedLM", config={"tie_word_embeddings": False}),
    "electra": _electra(facade=True),
    "electra_layer_norm_eps": _electra(config={"layer_norm_eps": 1e-2}),
    "electra_layers_heads": _electra(config={"num_hidden_layers": 3, "num_attention_heads": 2}),
    "electra_relu": _electra(config={"hidden_act": "relu"}),
    "electra_types": _electra(config={"type_vocab_size": 3}, same_as="electra"),
    "electra_not_projected": _electra(config={"embedding_size": 16}),
    "electra_published": _electra(
        renamed=(*_OLD_NORMS, (r"^", "electra.")),
        extra={"electra.embeddings.position_ids": (1, POSITIONS), "discriminator_predictions.dense.bias": (16,)},
        same_as="electra",
    ),
    "electra_classifier": _electra("ElectraForSequenceClassification", config={"num_labels": 1}, facade=True),
    "electra_classifier_relu": _electra(
        "ElectraForSequenceClassification", config={"num_labels": 1, "hidden_act": "relu"}
    ),
    "albert": _albert(facade=True),
    "albert_layer_norm_eps": _albert(config={"layer_norm_eps": 1e-2}),
    "albert_layers_heads": _albert(config={"num_hidden_layers": 3, "num_attention_heads": 2}),
    "albert_groups": _albert(config={"num_hidden_layers": 5, "num_hidden_groups": 2}),
    "albert_inner_groups": _albert(config={"num_hidden_groups": 2, "inner_group_num": 2}),
    "albert_gelu": _albert(config={"hidden_act": "gelu"}),
    "albert_same_width": _albert(config={"embedding_size": 16}),
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
    "deberta_layer_norm_eps": _deberta(config={"layer_norm_eps": 1e-2}),
    "deberta_layers_heads": _deberta(config={"num_hidden_layers": 3, "num_attention_heads": 2}),
    "deberta_relu": _deberta(config={"hidden_act": "relu"}),
    "deberta_buckets": _deberta(config={"position_buckets": 16}),
    "deberta_no_buckets": _deberta(config={"position_buckets": -1}),
    "deberta_farthest": _deberta(config={"max_relative_positions": 30}),
    "deberta_no_buckets_farthest": _deberta(config={"position_buckets": -1, "max_relative_positions": 10}),
    "deberta_far": _deberta(config={"max_position_embeddings": 200, "position_buckets": 64}, lengths=(3, 200)),
    "deberta_c2p": _deberta(config={"pos_att_type": ["c2p"]}),
    "deberta_p2c": _deberta(config={"pos_att_type": "P2C"}),
    "deberta_not_relative": _deberta(
        config={"relative_attention": False, "norm_rel_ebd": "none", "position_biased_input": True}
    ),
    "deberta_own_keys": _deberta(config={"share_att_key": False}),
    "deberta_not_normalized": _deberta(config={"norm_rel_ebd": "none"}),
    "deberta_positions": _deberta(config={"position_biased_input": True}),
    "deberta_types": _deberta(config={"type_vocab_size": 2}),
    "deberta_types_positions": _deberta(config={"type_vocab_size": 2, "position_biased_input": True}),
    "deberta_published": _deberta(
        config={"pos_att_type": "p2c|c2p"},
        renamed=((r"^", "deberta."),),
        extra={
            "deberta.embeddings.position_embeddings.weight": (POSITIONS, 16),
            "lm_predictions.lm_head.bias": (VOCABULARY,),
            "mask_predictions.dense.bias": (16,),
        },
        saved={"legacy": None, "position_biased_input": False, "pooler_hidden_size": 16},
        same_as="deberta",
    ),
    "deberta_classifier": _deberta("DebertaV2ForSequenceClassification", config={"num_labels": 1}, facade=True),
    "deberta_classifier_types": _deberta(
        "DebertaV2ForSequenceClassification", config={"num_labels": 1, "type_vocab_size": 2}, facade=True
    ),
    "albert_classifier": _albert("AlbertForSequenceClassification", config={"num_labels": 1}, facade=True),
}
