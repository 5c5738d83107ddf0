"""Which architecture a checkpoint is of, also where it brings code of its own.

That code is never run. But some of it is published, and is known to compute what a graph can be built for.
"""

from rapidembed.errors import UnsupportedModelError
from rapidembed.registry.config_file import ConfigFile

QUERY_TASK, DOCUMENT_TASK = "retrieval.query", "retrieval.passage"

# (model_type, module of the code, beginning of its classes' names) -> what it computes.
_KNOWN = {
    ("bert", "modeling_bert", "JinaBert"): "jina_bert",
    ("gte", "modeling_hf_alibaba_nlp_gte", "Gte"): "gte",
    ("new", "modeling", "New"): "new",
    ("xlm-roberta", "modeling_lora", "XLMRoberta"): "xlm-roberta-lora",
    ("xlm-roberta", "modeling_xlm_roberta", "XLMRoberta"): "xlm-roberta-flash",
    ("nomic_bert", "modeling_hf_nomic_bert", "NomicBert"): "nomic_bert",
}

OWN_CODE = frozenset(_KNOWN.values())
"""Architectures whose authors publish them as code."""


def read_architecture(config: ConfigFile) -> str:
    """``model_type``; marked where the checkpoint brings code of its own that is not known: it may compute anything."""
    kind = config.text("model_type", "unknown")
    sources = config.section("auto_map").values
    if not sources:
        return kind
    found = [_known(kind, target) for name, target in sorted(sources.items()) if name.startswith("AutoModel")]
    # That of the encoder itself, "AutoModel", comes first. All of them must be known.
    return found[0] if found and found[0] and all(found) else f"{kind} with code of its own"


def read_adapters(config: ConfigFile) -> dict[str, int]:
    """Numbers of a model's adapters by their tasks; empty: it has none.

    Raises:
        UnsupportedModelError: there is none for queries or none for documents.
        IntegrityError: the field has a value of a wrong type.
    """
    names = config.names("lora_adaptations")
    if names and not {QUERY_TASK, DOCUMENT_TASK} <= set(names):
        raise UnsupportedModelError(
            f"{config.path}: lora_adaptations must name {QUERY_TASK} and {DOCUMENT_TASK}, got {', '.join(names)}."
        )
    return {name: number for number, name in enumerate(names)}


def _known(kind: str, target: object) -> str | None:
    """What the class computes that ``auto_map`` names: "repository--module.Class", or without a repository."""
    module, _, name = str(target).rpartition("--")[2].partition(".")
    for (model_type, known_module, beginning), architecture in _KNOWN.items():
        if (kind, module) == (model_type, known_module) and name.startswith(beginning):
            return architecture
    return None
