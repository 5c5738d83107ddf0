"""Which class a checkpoint's tokenizer is of, as transformers 5 finds it out."""

from pathlib import Path

from rapidembed.errors import UnsupportedModelError
from rapidembed.registry.config_file import ConfigFile
from rapidembed.runtime.tokenizer_classes import CLASSES

# config.json's model_type -> class.
_BY_MODEL_TYPE = {
    **dict.fromkeys(("bert", "distilbert", "electra", "nomic_bert"), "Bert"),
    **dict.fromkeys(("xlm-roberta", "gte"), "XLMRoberta"),
    **dict.fromkeys(("qwen2", "qwen3"), "Qwen2"),
    **dict.fromkeys(("gemma3_text", "gemma3"), "Gemma"),
    "mpnet": "MPNet",
    "roberta": "Roberta",
    "camembert": "Camembert",
    "albert": "Albert",
    "deberta-v2": "DebertaV2",
    "modernbert": "",
}
# Whose files often name a class of another kind.
_NAMED_WRONG = frozenset({"qwen2", "modernbert"})
_PLAIN = frozenset({"", "PreTrained", "TokenizersBackend"})
"""Names that stand for what tokenizer.json says."""


def class_name(folder: Path) -> str:
    """The class that transformers would load the tokenizer in ``folder`` with; "" for none of its own.

    Raises:
        UnsupportedModelError: it brings code of its own.
    """
    config = ConfigFile.read_optional(folder / "config.json")
    own = ConfigFile.read_optional(folder / "tokenizer_config.json")
    stated = own.values.get("tokenizer_class") or config.values.get("tokenizer_class") or ""
    name = str(stated).removesuffix("Fast").removesuffix("Tokenizer")
    model_type = config.text("model_type", "")
    usual = _BY_MODEL_TYPE.get(model_type)
    if not stated:
        name = usual or ""
    elif usual is not None and (usual == "" or model_type in _NAMED_WRONG):
        name = usual
    if name in _PLAIN:
        return ""
    if name not in CLASSES and own.values.get("auto_map"):
        raise UnsupportedModelError(
            f"{own.path}: auto_map names code for the tokenizer {stated}, which is not run here."
        )
    return name
