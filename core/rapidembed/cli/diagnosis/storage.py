"""The caches: where they are, how full, and whether they can be written."""

import os
import shutil
from pathlib import Path

from rapidembed.cli import console
from rapidembed.cli.cache import graph_files, graph_folder, scan
from rapidembed.cli.diagnosis.section import Section

_LITTLE = 1_000_000_000


def storage(cache_dir: Path | None = None) -> Section:
    """Both caches."""
    section = Section("Caches")
    folder, found = scan(cache_dir)
    size = found.size_on_disk if found else 0
    section.facts["downloads"] = f"{folder} ({console.size(size)}, {_state(folder)})"
    for warning in found.warnings if found else ():
        section.problems.append(f"In the Hugging Face cache: {warning}")
    if found is not None and not _writable(folder):
        section.notes.append(f"{folder} cannot be written: models in it work, others cannot be downloaded.")
    try:
        graphs = graph_folder()
    except ValueError as error:
        section.problems.append(str(error))
        return section
    files = graph_files()
    size = sum(file.stat().st_size for file in files)
    section.facts["graphs"] = f"{graphs} ({len(files)} graphs, {console.size(size)}, {_state(graphs)})"
    if not _writable(graphs):
        section.notes.append(
            f"{graphs} cannot be written: a graph that is not in it is built at every start, which takes a moment. "
            "RAPIDEMBED_CACHE_DIR names another folder."
        )
    free = shutil.disk_usage(_existing(folder)).free
    section.facts["free disk"] = console.size(free)
    if free < _LITTLE:
        section.notes.append(f"Only {console.size(free)} are free where models are downloaded to.")
    return section


def _state(folder: Path) -> str:
    if not folder.exists():
        return "not there yet" if _writable(folder) else "not there, and cannot be made"
    return "writable" if _writable(folder) else "read-only"


def _writable(folder: Path) -> bool:
    """Whether files can be made in a folder, or in the one it would be made in; nothing is written to find out."""
    existing = _existing(folder)
    return existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)


def _existing(folder: Path) -> Path:
    """The folder, or the nearest above it that exists."""
    folder = folder.absolute()
    return next(path for path in (folder, *folder.parents) if path.exists())
