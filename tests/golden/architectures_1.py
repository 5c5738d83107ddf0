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
}
