"""An encoder's facts from its own files, where something else says what is made of its token vectors."""

from pathlib import Path

from rapidembed.registry.config_file import ConfigFile
from rapidembed.registry.discovery import MODULES_FILE, read_max_tokens, read_modules
from rapidembed.registry.own_code import read_architecture
from rapidembed.registry.spec import ModelSpec
from rapidembed.types import HeadName


def discover_encoder(folder: Path, name: str, head: HeadName) -> ModelSpec:
    """Read the spec of the encoder in ``folder``; the modules that follow it in sentence-transformers do not count.

    Raises:
        UnsupportedModelError: its files say something unknown.
        IntegrityError: a file is damaged, or holds a value of a wrong type.
    """
    encoder = folder / read_modules(folder)[0][1] if (folder / MODULES_FILE).is_file() else folder
    config = ConfigFile.read(encoder / "config.json")
    transformer = ConfigFile.read_optional(encoder / "sentence_bert_config.json")
    return ModelSpec(
        name=name,
        dim=1 if head == "attention" else config.positive("hidden_size"),
        architecture=read_architecture(config),
        head=head,
        max_tokens=read_max_tokens(encoder, transformer, config),
        lower_case=transformer.flag("do_lower_case", False),
    )
