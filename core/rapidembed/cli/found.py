"""Models as the command line sees them: those known by name, and what of them is on this machine."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from rapidembed.errors import RapidEmbedError
from rapidembed.graph import buildable_architectures
from rapidembed.hub import Checkpoint, HubOptions, resolve
from rapidembed.lexical.models import find_lexical
from rapidembed.registry import SPARSE, TASKS, TEXT, Task


def known_models() -> Iterator[dict[str, Any]]:
    """The models of all facades that are known by name, as these describe them, with their "task"."""
    for name, task in TASKS.items():
        for model in facade(task).list_supported_models():
            yield {"task": name, **model}


def facade(task: Task) -> Any:
    """The class for a task's models."""
    return getattr(import_module(task.module), task.facade)


def task_of(model: str, wanted: str | None) -> Task:
    """The task asked for; else the first one that knows the model by name; else text."""
    if wanted is not None:
        return TASKS[wanted]
    if find_lexical(model):
        return SPARSE
    return next((task for task in TASKS.values() if task.find(model)), TEXT)


def find_checkpoint(name: str, hub: HubOptions, task: Task = TEXT) -> Checkpoint:
    """What a name stands for, downloaded if ``hub`` allows that."""
    return resolve(name, buildable=buildable_architectures(), task=task, hub=hub)


def is_cached(name: str, task: Task, cache_dir: Path | None = None) -> bool:
    """Whether a model would load without a network."""
    if find_lexical(name):
        return True
    try:
        find_checkpoint(name, HubOptions(cache_dir=cache_dir, local_files_only=True), task)
    except RapidEmbedError:
        return False
    return True


def folder_size(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
