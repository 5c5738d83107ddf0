"""A hash of everything that decides a model's vectors."""

import hashlib
import json
import re
from functools import lru_cache
from pathlib import Path

from rapidembed.tasks.leased import LeasedModel

_SHA256 = re.compile(r"[0-9a-f]{64}")


def fingerprint(model: LeasedModel) -> str:
    """32 hexadecimal digits over weights, tokenizer, pooling, prompts, limits and precision.

    It does not depend on where the files lie, so it is the same on every machine.

    Raises:
        IntegrityError: the files were replaced since the model was loaded.
    """
    model.checkpoint.check(model.engine.key.stamp)
    root = model.checkpoint.root
    files = [
        model.checkpoint.weights,
        "tokenizer.json",
        *model.spec.module_weights,
    ]
    facts = model.facts() | {"files": [_sha256(root / file) for file in files]}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]


def _sha256(path: Path) -> str:
    # The hub cache names large files by their sha256, and smaller ones by a git hash of 40 digits.
    blob = path.resolve().name
    if _SHA256.fullmatch(blob):
        return blob
    state = path.stat()
    return _digest(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=64)
def _digest(path: Path, size: int, modified: int) -> str:
    """sha256 of a file; size and time of change make the cache forget a file that was replaced."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
