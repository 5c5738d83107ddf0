"""``package:NAME[/sub]``: a model that an installed Python package carries, found without importing it."""

from importlib import util
from pathlib import Path

from rapidembed.errors import ModelNotFoundError

PREFIX = "package:"
_MARKERS = ("modules.json", "config.json")


def find_package_model(name: str) -> Path:
    """Folder of the model that ``package:NAME[/sub]`` names.

    NAME is an import name or a distribution name. The model is the named folder itself if it holds ``modules.json``
    or ``config.json``, else the single folder directly below it that does.

    Raises:
        ModelNotFoundError: no such package, or no such folder, or more than one candidate.
    """
    package, _, sub = name.removeprefix(PREFIX).partition("/")
    folder = _package_folder(package)
    if folder is None:
        raise ModelNotFoundError(
            f"{name!r}: no package {package!r} is installed. Install it with: pip install {package}"
        )
    folder = folder / sub
    if not folder.is_dir():
        raise ModelNotFoundError(f"{name!r}: the package is installed, but has no folder {folder}.")
    if _holds_model(folder):
        return folder
    below = sorted(child for child in folder.iterdir() if child.is_dir() and _holds_model(child))
    if len(below) == 1:
        return below[0]
    found = ", ".join(f"{name}/{child.name}" for child in below) or "none"
    raise ModelNotFoundError(
        f"{name!r}: expected one folder with {' or '.join(_MARKERS)} in {folder}, found: {found}. "
        "Name the folder as package:NAME/sub."
    )


def _holds_model(folder: Path) -> bool:
    return any((folder / marker).is_file() for marker in _MARKERS)


def _package_folder(package: str) -> Path | None:
    direct = _folder(package) or _folder(package.replace("-", "_"))
    return direct or next(filter(None, map(_folder, _import_names(package))), None)


def _folder(import_name: str) -> Path | None:
    # A top-level name is looked up on disk; nothing of the package runs.
    spec = util.find_spec(import_name) if import_name.isidentifier() else None
    return Path(next(iter(spec.submodule_search_locations))) if spec and spec.submodule_search_locations else None


def _import_names(distribution: str) -> list[str]:
    from importlib import metadata  # imports the email package, which a plain import name does without

    try:
        files = metadata.files(distribution) or []
    except (metadata.PackageNotFoundError, ValueError):
        return []
    return sorted({file.parts[0] for file in files if len(file.parts) > 1 and file.parts[0].isidentifier()})
