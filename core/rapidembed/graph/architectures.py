"""Which architectures a graph can be built for. Nothing is imported: asking costs nothing."""

MODULES = {
    "albert": "albert",
    "bert": "bert",
    "camembert": "roberta",
    "deberta-v2": "deberta_v2",
    "distilbert": "distilbert",
    "electra": "electra",
    "mpnet": "mpnet",
    "roberta": "roberta",
    "xlm-roberta": "roberta",
}
"""``model_type`` of config.json -> the module of this package that builds it."""


def buildable_architectures() -> frozenset[str]:
    """``model_type`` values whose graph is built from safetensors."""
    return frozenset(MODULES)
