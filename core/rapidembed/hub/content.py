"""Whether a file of the hub's cache holds what the hub said it would.

The cache names every file by the hash that the hub announced: sha256 for large files, git's hash of a blob for others.
"""

import hashlib
import os
import re
from pathlib import Path

_SHA256 = re.compile(r"[0-9a-f]{64}")
_SHA1 = re.compile(r"[0-9a-f]{40}")
_START = 512
_LFS = b"version https://git-lfs.github.com/spec/"


def announced_hash(path: Path) -> str | None:
    """Name of the blob that a file of a snapshot links to; None for a file that is no such link."""
    try:
        blob = Path(os.readlink(path))
    except OSError:  # no link: a folder of the user's, or a system without links
        return None
    return blob.name if blob.parent.name == "blobs" else None


def is_lfs_pointer(path: Path) -> bool:
    """Whether Git left a pointer where a large file should be, because it was cloned without Git LFS."""
    with path.open("rb") as file:
        return file.read(len(_LFS)) == _LFS


def announced_sha256(path: Path) -> str | None:
    """The file's sha256, if its blob is named by it."""
    name = announced_hash(path)
    return name if name and _SHA256.fullmatch(name) else None


def damage(path: Path, announced: str) -> str | None:
    """What is wrong with the content of ``path``, in words; None if it is what was announced.

    Mirrors that announce neither sha256 nor a git hash cannot be held to anything; their files pass.
    """
    if _SHA256.fullmatch(announced):
        found = _digest("sha256", path)
        expected, kind = [found], "sha256"
    elif _SHA1.fullmatch(announced):
        found = _digest("sha1", path, f"blob {path.stat().st_size}\0".encode())
        # Some mirrors announce the plain sha1 instead of git's.
        expected, kind = [found, _digest("sha1", path)], "git hash"
    else:
        return None
    if announced in expected:
        return None
    return f"its {kind} is {found}, the hub announced {announced}{_looks_like(path)}"


def _digest(algorithm: str, path: Path, head: bytes = b"") -> str:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.new(algorithm, head, usedforsecurity=False))
    return digest.hexdigest()


def _looks_like(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(_START).lstrip().lower()
    if not start:
        return "; it is empty"
    if start.startswith((b"<!doctype html", b"<html")):
        return "; it looks like an HTML page, as a login page of a network or a proxy would send"
    return ""
