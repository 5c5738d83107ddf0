"""Which architecture a checkpoint is of, also where it brings code of its own.

That code is never run. But some of it is published, and is known to compute what a graph can be built for.
"""

from rapidembed.registry.config_file import ConfigFile

# (model_type, module of the code, beginning of its classes' names) -> what it computes.
_KNOWN = {
    ("bert", "modeling_bert", "JinaBert"): "jina_bert",
    ("gte", "modeling_hf_alibaba_nlp_gte", "Gte"): "gte",
    ("new", "modeling", "New"): "new",
    ("nomic_bert", "modeling_hf_nomic_bert", "NomicBert"): "nomic_bert",
}


def read_architecture(config: ConfigFile) -> str:
    """``model_type``; marked where the checkpoint brings code of its own that is not known: it may compute anything."""
    kind = config.text("model_type", "unknown")
    sources = config.section("auto_map").values
    targets = [target for name, target in sources.items() if name.startswith("AutoModel")]
    if not sources:
        return kind
    found = {_known(kind, target) for target in targets}
    architecture = found.pop() if len(found) == 1 else None
    return architecture or f"{kind} with code of its own"


def _known(kind: str, target: object) -> str | None:
    """What the class computes that ``auto_map`` names: "repository--module.Class", or without a repository."""
    module, _, name = str(target).rpartition("--")[2].partition(".")
    for (model_type, known_module, beginning), architecture in _KNOWN.items():
        if (kind, module) == (model_type, known_module) and name.startswith(beginning):
            return architecture
    return None
