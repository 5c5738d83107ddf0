"""``builtin:NAME``: a model that this package carries."""

from pathlib import Path

from rapidembed.errors import ModelNotFoundError

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
