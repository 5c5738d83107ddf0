"""A cached model that turns out to be damaged is fetched again, once."""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from rapidembed.errors import IntegrityError
from rapidembed.hub.content import announced_hash, damage
from rapidembed.hub.options import HubOptions

R = TypeVar("R")

logger = logging.getLogger(__name__)


def mended(work: Callable[[], R], root: Callable[[], Path | None], hub: HubOptions) -> R:
    """Do ``work``; where a damaged file stops it, remove what differs from its announced hash and do it once more.

    Files are hashed only after something failed: a start with an intact cache reads no more than it needs.

    Args:
        work: fetches what is missing and loads the model.
        root: snapshot in the hub's cache; None for models that are not from there.
        hub: how the hub may be used.

    Raises:
        IntegrityError: the damage is not of the cache's making, or the files cannot be fetched again.
    """
    try:
        return work()
    except IntegrityError as error:
        mend(root(), error, hub)
    return work()


def mend(snapshot: Path | None, error: IntegrityError, hub: HubOptions) -> None:
    """Remove from the cache what made ``error`` come, so that it is fetched again.

    Args:
        snapshot: in the hub's cache; None for models that are not from there.
        error: what stopped the work; raised again if no file there differs from its announced hash.
        hub: how the hub may be used.

    Raises:
        IntegrityError: see :func:`mended`.
    """
    damaged = damaged_files(snapshot) if snapshot else {}
    if not damaged:
        raise error
    found = "; ".join(f"{path} ({wrong})" for path, wrong in damaged.items())
    if hub.offline:
        raise IntegrityError(
            f"Damaged in the cache: {found}. Load the model once where the hub may be asked, which fetches them "
            "again, or copy them from another machine."
        ) from error
    logger.warning("Damaged in the cache, fetching again: %s", found)
    try:
        for path in damaged:
            remove(path)
    except OSError as failure:
        raise IntegrityError(f"Damaged in the cache, which cannot be written: {found}.") from failure


def damaged_files(snapshot: Path) -> dict[Path, str]:
    """Files of a snapshot that differ from the hash the hub announced, and how."""
    return {path: wrong for path in sorted(snapshot.rglob("*")) if (wrong := damage_of(path))}


def damage_of(path: Path) -> str | None:
    """What is wrong with a file of a snapshot; None if nothing is, or if no hash is known."""
    announced = announced_hash(path)
    if announced is None:
        return None
    return damage(path, announced) if path.is_file() else "the file it links to is gone"


def remove(path: Path) -> None:
    """Take a file out of the cache: the link in the snapshot and the blob it leads to."""
    blob = path.parent / os.readlink(path)
    path.unlink()
    blob.unlink(missing_ok=True)
