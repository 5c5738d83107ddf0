"""An encoder's facts from its own files, where something else says what is made of its token vectors."""

from pathlib import Path

from rapidembed.names import HeadName
from rapidembed.registry.discovery import encoder_facts
from rapidembed.registry.modules_file import MODULES_FILE, read_modules
from rapidembed.registry.spec import ModelSpec
from rapidembed.registry.transformer_module import TransformerModule


def discover_encoder(folder: Path, name: str, head: HeadName) -> ModelSpec:
    """The spec of the encoder in ``folder``, a :data:`rapidembed.registry.task.Reader`.

    The modules that follow it in sentence-transformers do not count.
    """
    encoder = folder / read_modules(folder)[0][1] if (folder / MODULES_FILE).is_file() else folder
    module = TransformerModule.read(encoder)
    return ModelSpec(
        name=name,
        dim=1 if head == "attention" else module.config.positive("hidden_size"),
        head=head,
        **encoder_facts(module),
    )
