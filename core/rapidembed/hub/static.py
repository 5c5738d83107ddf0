"""Static models in a folder, on the hub, and in this package."""

from pathlib import Path
from typing import TYPE_CHECKING

from rapidembed.errors import ModelNotFoundError
from rapidembed.hub.checkpoint import Checkpoint
from rapidembed.registry.discovery import MODULES_FILE, WEIGHTS_FILE
from rapidembed.registry.static_files import discover_static, is_static, table_folder

if TYPE_CHECKING:
    from rapidembed.hub.download import Repository

BUILTIN = "builtin:"
_BUILTIN_MODELS = Path(__file__).parents[1] / "builtin"


def find_builtin(name: str) -> Path:
    """Folder of the model that ``builtin:NAME`` names.

    Raises:
        ModelNotFoundError: this version carries no model of that name.
    """
    models = {f"{BUILTIN}{folder.name}": folder for folder in sorted(_BUILTIN_MODELS.iterdir()) if folder.is_dir()}
    if name not in models:
        raise ModelNotFoundError(f"No model {name!r} is built in; this version carries {', '.join(models)}.")
    return models[name]


def static_checkpoint(folder: Path, name: str, revision: str | None = None) -> Checkpoint:
    """The static model in ``folder``; the root of its checkpoint is where the table lies."""
    return Checkpoint(discover_static(folder, name), folder / table_folder(folder), WEIGHTS_FILE, revision)


def fetch_static(repository: "Repository", name: str) -> Checkpoint | None:
    """The static model of a repository, or None where it holds another kind of model."""
    found = repository.find(MODULES_FILE) or repository.find("config.json")
    if found is None or not is_static(found.parent):
        return None
    for file in ("config.json", "config_sentence_transformers.json"):
        repository.find(file)
    for file in ("tokenizer.json", WEIGHTS_FILE):
        repository.fetch((Path(table_folder(found.parent)) / file).as_posix())
    return static_checkpoint(found.parent, name, repository.commit)
