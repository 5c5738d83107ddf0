"""From what a user writes as ``model_name`` to a checkpoint on this machine."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from rapidembed.errors import IntegrityError, ModelNotFoundError, UnsupportedModelError
from rapidembed.hub.assemble import assemble, assemble_onnx
from rapidembed.hub.builtin import BUILTIN, find_builtin
from rapidembed.hub.checkpoint import Checkpoint
from rapidembed.hub.files import Folder
from rapidembed.hub.mend import mended
from rapidembed.hub.options import HubOptions
from rapidembed.hub.packages import PREFIX, find_package_model
from rapidembed.registry import TEXT, ModelSpec, Pooling, Task
from rapidembed.registry.discovery import WEIGHTS_FILE
from rapidembed.registry.modules_file import MODULES_FILE
from rapidembed.registry.own_code import OWN_CODE

if TYPE_CHECKING:
    from rapidembed.hub.download import Repository

logger = logging.getLogger(__name__)

_DEFAULT = HubOptions()


def resolve(
    model_name: str,
    *,
    buildable: frozenset[str],
    task: Task = TEXT,
    pooling: Pooling | None = None,
    specific_model_path: Path | None = None,
    hub: HubOptions = _DEFAULT,
) -> Checkpoint:
    """Find the model and make its files local.

    Args:
        model_name: a curated or registered name, a local folder, ``package:NAME[/sub]``, ``builtin:NAME``, or a hub id.
        buildable: architectures whose graph can be built from safetensors; other models run their ONNX file.
        task: what the model is for.
        pooling: pooling modes, for models whose files do not declare any.
        specific_model_path: folder that holds the files of ``model_name``; nothing is downloaded.
        hub: how the hub may be used.

    Raises:
        ModelNotFoundError, ModelNotCachedError, DownloadError, UnsupportedModelError, IntegrityError: see each.
        ValueError: a revision of something that is no hub repository.
    """
    row = task.find(model_name)
    folder = specific_model_path or _local_folder(model_name)
    if folder is not None:
        if hub.revision is not None:
            raise ValueError(
                f"revision={hub.revision!r} is for hub repositories; {model_name!r} is read from {folder}."
            )
        if not folder.expanduser().is_dir():
            raise ModelNotFoundError(f"{folder} is not a folder; it was given for the model {model_name!r}.")
        row = row if specific_model_path else None
        # An installer may have linked a package's files, and whoever installed it trusts them.
        linked = specific_model_path is None and model_name.startswith((PREFIX, BUILTIN))
        files = Folder(_snapshot(folder.expanduser()), linked=linked)
        return _from_folder(files, model_name, row, task, pooling, buildable)
    if row is not None:
        return _from_catalog(row, task, pooling, buildable, hub)
    if not _looks_like_hub_id(model_name):
        raise ModelNotFoundError(_unknown(model_name, task))
    repository = _repository(model_name, hub)
    return mended(
        lambda: assemble(repository, model_name, row=None, task=task, pooling=pooling, buildable=buildable),
        repository.known_root,
        hub,
    )


def _local_folder(model_name: str) -> Path | None:
    if model_name.startswith(PREFIX):
        return find_package_model(model_name)
    if model_name.startswith(BUILTIN):
        return find_builtin(model_name)
    folder = _snapshot(Path(model_name).expanduser())
    return folder if any((folder / marker).is_file() for marker in (MODULES_FILE, "config.json")) else None


def _snapshot(folder: Path) -> Path:
    """``folder``; of a repository in the hub's cache, ``models--x--y``, its snapshot: main's, or the only one."""
    snapshots = folder / "snapshots"
    if not folder.name.startswith("models--") or not snapshots.is_dir():
        return folder
    main = folder / "refs" / "main"
    if main.is_file():
        return snapshots / _commit(main)
    found = [path for path in snapshots.iterdir() if path.is_dir()]
    if len(found) != 1:
        raise ModelNotFoundError(f"{folder} has {len(found)} snapshots and no main branch; give one of {snapshots}.")
    return found[0]


def _commit(main: Path) -> str:
    """The commit that a file of the hub's cache names."""
    name = main.read_text(encoding="utf-8", errors="replace")[:100].strip()
    if not name.isalnum():
        raise IntegrityError(f"{main} should hold the name of a commit, got {name!r}.")
    return name


def _from_folder(
    files: Folder, name: str, row: ModelSpec | None, task: Task, pooling: Pooling | None, buildable: frozenset[str]
) -> Checkpoint:
    if row and row.onnx_source and files.has(row.onnx_source.file):
        declared = files.has(MODULES_FILE) or not task.needs_modules(files.root)
        if not (declared and files.has(WEIGHTS_FILE) and row.architecture in buildable):
            return assemble_onnx(files, row, row.onnx_source)
    return assemble(files, name, row=row, task=task, pooling=pooling, buildable=buildable)


def _from_catalog(
    row: ModelSpec, task: Task, pooling: Pooling | None, buildable: frozenset[str], hub: HubOptions
) -> Checkpoint:
    # What code of their own computes was compared with other implementations only; the export is their own.
    proven = row.architecture in buildable and row.architecture not in OWN_CODE
    if row.source and (proven or row.onnx_source is None):
        source = _repository(row.source, hub, row.name)
        if row.onnx_source is None or source.find(WEIGHTS_FILE) is not None:
            return mended(
                lambda: assemble(source, row.name, row=row, task=task, pooling=pooling, buildable=buildable),
                source.known_root,
                hub,
            )
        logger.warning("%s has no %s; using the ONNX file of %s.", row.source, WEIGHTS_FILE, row.onnx_source.repo)
    if row.onnx_source is None:
        raise UnsupportedModelError(f"{row.name} names neither a source nor an ONNX file.")
    onnx = row.onnx_source
    export = _repository(onnx.repo, hub, row.name)
    return mended(lambda: assemble_onnx(export, row, onnx), export.known_root, hub)


def _repository(repo: str, hub: HubOptions, model: str | None = None) -> "Repository":
    # The hub's client takes a tenth of a second to import, which folders and packages do without.
    from rapidembed.hub.download import Repository

    return Repository(repo, hub, model)


def _looks_like_hub_id(name: str) -> bool:
    parts = name.split("/")
    return len(parts) == 2 and all(part and not part.startswith((".", "~")) for part in parts)


def _unknown(name: str, task: Task) -> str:
    import difflib

    known = [spec.name for spec in task.models()]
    short = {candidate.rpartition("/")[2].lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower(), [*short, *(k.lower() for k in known)], n=1, cutoff=0.6)
    hint = ""
    if close:
        full = short.get(close[0]) or next(k for k in known if k.lower() == close[0])
        hint = f" Did you mean {full!r}?"
    return (
        f"No model {name!r}: it is no curated name, no local folder with a config.json, and not of the form "
        f'"organisation/name" (hub) or "package:NAME".{hint} {task.facade}.list_supported_models() lists '
        "the names that are known."
    )
