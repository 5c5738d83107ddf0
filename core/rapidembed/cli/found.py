"""Models as the command line sees them: the curated ones, and what of them is on this machine."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import rapidembed
from rapidembed.errors import RapidEmbedError
from rapidembed.graph import buildable_architectures
from rapidembed.hub import Checkpoint, HubOptions, resolve

# What a model does: the facade that lists those that do it.
FACADES = {"text": "TextEmbedding"}


def curated_models() -> Iterator[dict[str, Any]]:
    """The curated models of all facades, as these describe them, with their "task"."""
    for task, facade in FACADES.items():
        for model in getattr(rapidembed, facade).list_supported_models():
            yield {"task": task, **model}


def find_checkpoint(name: str, hub: HubOptions) -> Checkpoint:
    """What a name stands for, downloaded if ``hub`` allows that."""
    return resolve(name, buildable=buildable_architectures(), hub=hub)


def is_cached(name: str, cache_dir: Path | None = None) -> bool:
    """Whether a model would load without a network."""
    try:
        find_checkpoint(name, HubOptions(cache_dir=cache_dir, local_files_only=True))
    except RapidEmbedError:
        return False
    return True


def files_size(checkpoint: Checkpoint) -> int:
    """Bytes of the files in the checkpoint's folder."""
    return sum(path.stat().st_size for path in checkpoint.root.rglob("*") if path.is_file())
