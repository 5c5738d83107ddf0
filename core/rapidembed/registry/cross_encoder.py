"""A reranker's facts from its own files: transformers' sequence classification, or sentence-transformers' CrossEncoder.

Up to version 5 the latter is the former with a few keys in config.json; from 6 on it has modules.json and settings.
"""

from pathlib import Path

from rapidembed.errors import IntegrityError, UnsupportedModelError
from rapidembed.registry.config_file import ConfigFile
from rapidembed.registry.discovery import encoder_facts, read_prompts, read_settings_file
from rapidembed.registry.modules_file import MODULES_FILE, read_modules, unexpected
from rapidembed.registry.spec import ModelSpec
from rapidembed.registry.transformer_module import TransformerModule


def discover_cross_encoder(folder: Path, name: str) -> ModelSpec:
    """The spec of the reranker in ``folder``, a :data:`rapidembed.registry.task.Reader`."""
    encoder = folder
    if (folder / MODULES_FILE).is_file():
        modules = read_modules(folder)
        kinds = [kind for kind, _ in modules]
        if kinds != ["Transformer"]:
            raise unexpected(folder, kinds, "the one module of a cross-encoder, Transformer")
        encoder = folder / modules[0][1]
    module = TransformerModule.read(encoder, transformer_task="sequence-classification", module_output_name="scores")
    facts = read_prompts(read_settings_file(folder))
    if facts["default_prompt"] is not None and facts["prompts"][facts["default_prompt"]]:
        raise UnsupportedModelError(f"{folder}: cross-encoders with a default prompt are not supported.")
    labels = _labels(module.config)
    return ModelSpec(name=name, dim=len(labels), labels=labels, head="classification", **encoder_facts(module))


def _labels(config: ConfigFile) -> tuple[str, ...]:
    """As transformers counts them: the names of the labels, else their number, else two."""
    names = config.values.get("id2label")
    if names is None:
        return tuple(f"LABEL_{number}" for number in range(config.optional_positive("num_labels") or 2))
    keys = [str(number) for number in range(len(names))] if isinstance(names, dict) else []
    if not keys or names.keys() != set(keys):
        raise IntegrityError(f"{config.path}: expected id2label to map 0, 1, ... to names, got {names!r}.")
    return tuple(str(names[key]) for key in keys)
