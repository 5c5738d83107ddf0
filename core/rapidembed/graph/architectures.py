"""Which architectures a graph can be built for. Nothing is imported: asking costs nothing."""

MODULES = {
    "albert": "albert",
    "bert": "bert",
    "camembert": "roberta",
    "deberta-v2": "deberta_v2",
    "distilbert": "distilbert",
    "electra": "electra",
    "gemma3_text": "gemma3",
    "gte": "gte",
    "jina_bert": "jina_bert",
    "jina_embeddings_v3": "jina_v3",
    "modernbert": "modernbert",
    "mpnet": "mpnet",
    "new": "gte",
    "nomic_bert": "nomic_bert",
    "qwen3": "qwen3",
    "roberta": "roberta",
    "xlm-roberta": "roberta",
    "xlm-roberta-lora": "jina_v3",
}
"""``model_type`` of config.json -> the module of this package that builds it."""


def buildable_architectures() -> frozenset[str]:
    """``model_type`` values whose graph is built from safetensors."""
    return frozenset(MODULES)
