"""``import fastembed`` finds this package, in this process and in those that it starts.

A folder that holds a package ``fastembed`` goes to the front of :data:`sys.path`, which processes that
:mod:`multiprocessing` starts inherit. The package consists of one call of :func:`take_over`.
"""

import importlib
import importlib.util
import sys
from collections.abc import Iterable, Sequence
from importlib import metadata
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

VERSION = "0.9.1"
"""The fastembed whose surface this is; some programs compare versions as text, so it stays 0.9."""

NAME = "fastembed"
METADATA = f"""Metadata-Version: 2.1
Name: {NAME}
Version: {VERSION}
Summary: rapidembed under fastembed's name
"""
SITE = Path(__file__).parent / "site"
"""Holds the package."""

_OURS = "rapidembed.compat"
_BOUND = {
    "ImageEmbedding": NAME,
    "ImageInput": f"{NAME}.common",
    "LateInteractionMultimodalEmbedding": NAME,
    "LateInteractionTextEmbedding": NAME,
    "OnnxProvider": f"{NAME}.common",
    "SparseTextEmbedding": NAME,
    "TextEmbedding": NAME,
}
"""Names that qdrant-client binds when it is imported, to None where there is no fastembed."""


def install_as_fastembed(*, replace: bool = False) -> None:
    """From now on ``import fastembed`` finds :mod:`rapidembed.compat`, also in processes that multiprocessing starts.

    Call it before others import fastembed. What qdrant-client bound when it was imported without a fastembed is put
    right. Programs that are started anew need a folder on ``PYTHONPATH``: ``python -m rapidembed.compat.shim FOLDER``.

    Args:
        replace: go on although a real fastembed is installed. Modules that have imported it keep it.

    Raises:
        RuntimeError: a real fastembed is installed and ``replace`` is False, or was imported already.
    """
    loaded = sys.modules.get(NAME)
    if loaded is not None and loaded is not sys.modules[_OURS]:
        raise RuntimeError(
            f"fastembed was imported already, from {getattr(loaded, '__file__', None)}, and modules hold its classes. "
            "Call install_as_fastembed() before anything imports it, or start Python with a folder made by "
            "`python -m rapidembed.compat.shim FOLDER` on PYTHONPATH."
        )
    real = find_real()
    if real is not None and not replace:
        raise RuntimeError(
            f"fastembed is installed ({real}). Uninstall it, or say install_as_fastembed(replace=True) to hide it."
        )
    if str(SITE) not in sys.path:
        sys.path.insert(0, str(SITE))
    take_over()
    _repair()


def take_over() -> None:
    """Make this package the module ``fastembed`` of this process, and its modules the submodules."""
    sys.modules[NAME] = importlib.import_module(_OURS)
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def find_real(folders: Sequence[str] | None = None) -> str | None:
    """File of a fastembed that is installed and not this package, if there is one."""
    for folder in sys.path if folders is None else folders:
        package = Path(folder or ".", NAME)
        if (package / "__init__.py").is_file() and not is_shim(package):
            return str(package)
    return None


def is_shim(package: Path) -> bool:
    """Whether a folder ``fastembed`` holds this package under that name."""
    file = package / "__init__.py"
    return file.is_file() and f"from {_OURS}.install import take_over" in file.read_text(encoding="utf-8")


def _repair() -> None:
    """Give qdrant-client what it did not find when it was imported."""
    for name, module in list(sys.modules.items()):
        if not name.startswith("qdrant_client"):
            continue
        for bound, home in _BOUND.items():
            if bound in vars(module) and vars(module)[bound] is None:
                setattr(module, bound, getattr(importlib.import_module(home), bound))


class _Finder(MetaPathFinder):
    """Finds ``fastembed.x`` as ``rapidembed.compat.x``, and a distribution fastembed."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith(f"{NAME}."):
            return None
        ours = _OURS + fullname.removeprefix(NAME)
        if importlib.util.find_spec(ours) is None:
            return None
        return ModuleSpec(fullname, _Alias(ours))

    def find_distributions(self, context: metadata.DistributionFinder.Context) -> Iterable[metadata.Distribution]:
        """The distribution, for those who ask for it by its name."""
        return [_Distribution()] if context.name == NAME else []


class _Alias(Loader):
    """Loads a module that is imported by another name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(self._name)
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec  # the import system has put the other name's there


class _Distribution(metadata.Distribution):
    """What ``importlib.metadata`` says of fastembed."""

    def read_text(self, filename: str) -> str | None:
        return METADATA if filename == "METADATA" else None

    def locate_file(self, path: object) -> Path:
        return SITE / str(path)
