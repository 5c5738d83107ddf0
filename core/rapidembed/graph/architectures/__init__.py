"""Which architectures a graph can be built for, a module each. Nothing is imported: asking costs nothing."""

_HERE = "rapidembed.graph.architectures"
_VISION = f"{_HERE}.vision"
MODULES = {
    "albert": f"{_HERE}.albert",
    "bert": f"{_HERE}.bert",
    "camembert": f"{_HERE}.roberta",
    "clip": f"{_VISION}.clip",
    "clip_text_model": f"{_VISION}.clip",
    "clip_vision_model": f"{_VISION}.clip",
    "colmodernvbert": f"{_HERE}.colmodernvbert",
    "colpali": f"{_HERE}.colpali",
    "deberta-v2": f"{_HERE}.deberta_v2",
    "dinov2": f"{_VISION}.dinov2",
    "dinov2_with_registers": f"{_VISION}.dinov2",
    "distilbert": f"{_HERE}.distilbert",
    "efficientnet_lite": f"{_VISION}.efficientnet_lite",
    "electra": f"{_HERE}.electra",
    "gemma3_text": f"{_HERE}.gemma3",
    "gte": f"{_HERE}.gte",
    "jina_bert": f"{_HERE}.jina_bert",
    "jina_embeddings_v3": f"{_HERE}.jina_v3",
    "modernbert": f"{_HERE}.modernbert",
    "mpnet": f"{_HERE}.mpnet",
    "new": f"{_HERE}.gte",
    "nomic_bert": f"{_HERE}.nomic_bert",
    "qwen3": f"{_HERE}.qwen3",
    "roberta": f"{_HERE}.roberta",
    "siglip": f"{_VISION}.siglip",
    "siglip_text_model": f"{_VISION}.siglip",
    "siglip_vision_model": f"{_VISION}.siglip",
    "vit": f"{_VISION}.vit",
    "xlm-roberta": f"{_HERE}.roberta",
    "xlm-roberta-lora": f"{_HERE}.jina_v3",
}
"""``model_type`` of config.json -> the module of its :class:`rapidembed.graph.architecture.Architecture`."""

CONVOLUTIONS = frozenset({"efficientnet_lite"})
"""Those of them whose weights are not rounded to 8 bits."""


def buildable_architectures() -> frozenset[str]:
    """``model_type`` values whose graph is built from safetensors."""
    return frozenset(MODULES)
