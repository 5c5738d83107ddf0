"""A hash of everything that decides a model's vectors."""

import hashlib
import json
from functools import lru_cache
from pathlib import Path

from rapidembed.hub import announced_sha256
from rapidembed.tasks.leased import LeasedModel


def fingerprint(model: LeasedModel) -> str:
    """32 hexadecimal digits over weights, tokenizer, pooling, prompts, limits and precision.

    It does not depend on where the files lie, so it is the same on every machine.

    Raises:
        IntegrityError: the files were replaced since the model was loaded.
    """
    model.checkpoint.check(model.engine.key.stamp)
    checkpoint = model.checkpoint
    files = [_sha256(path) for path in (*checkpoint.weight_files, *checkpoint.tokenizer_files)]
    facts = model.facts() | {"files": files}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]


def _sha256(path: Path) -> str:
    announced = announced_sha256(path)
    if announced:
        return announced
    state = path.stat()
    return _digest(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=64)
def _digest(path: Path, size: int, modified: int) -> str:
    """sha256 of a file; size and time of change make the cache forget a file that was replaced."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
