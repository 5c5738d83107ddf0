"""A hash of everything that decides a model's vectors."""

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from rapidembed.hub import Checkpoint, announced_sha256
from rapidembed.runtime.engine import Engine


def fingerprint(engine: Engine[Any], facts: Mapping[str, Any]) -> str:
    """32 hexadecimal digits over weights, tokenizer, and everything beside these files that decides the results.

    It does not depend on where the files lie, so it is the same on every machine.

    Args:
        engine: the model.
        facts: pooling, prompts, limits, precision ... as a facade uses it, in JSON's types.

    Raises:
        IntegrityError: the files were replaced since the model was loaded.
    """
    checkpoint = engine.key.checkpoint
    checkpoint.check(engine.key.stamp)
    files = [_sha256(path) for path in checkpoint.deciding_files]
    return hashlib.sha256(json.dumps({**facts, "files": files}, sort_keys=True).encode()).hexdigest()[:32]


def weights_hash(checkpoint: Checkpoint) -> str:
    """32 hexadecimal digits over a checkpoint's weights."""
    files = [_sha256(path) for path in checkpoint.weight_files]
    return hashlib.sha256(" ".join(files).encode()).hexdigest()[:32]


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
