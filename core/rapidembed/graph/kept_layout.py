"""Layouts on disk, so that a start that finds one needs none of what writes graphs."""

import json
import logging
from collections.abc import Callable
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rapidembed.errors import UnsupportedModelError
from rapidembed.graph.cache import read_text, stored, write_text
from rapidembed.graph.layout import LayerLayout, Layout, Relative, Rows

Found = tuple[Layout, str]
"""A layout, and what stands before the names in it."""
_REFUSED = "refused"
_FOLDER = "\0"
"""Stands for the checkpoint's folder in what is stored, for others may hold the same files."""


def cached_layout(key: str, find: Callable[[], Found], folder: Path) -> Found:
    """The layout stored under ``key``, else the one that ``find`` gives, or that there is none; which is then stored.

    Args:
        key: of everything that shapes it.
        find: reads the checkpoint.
        folder: the checkpoint's, which errors name.

    Raises:
        UnsupportedModelError: no layout can tell the model; from ``find``.
    """
    why = "config.json is read at every start."
    kept = stored(f"{key}.layout", _read_kept, partial(_attempt, find, folder), _write_kept, why, level=logging.INFO)
    if isinstance(kept, str):
        raise UnsupportedModelError(kept.replace(_FOLDER, str(folder)))
    return kept


def write_layout(path: Path, found: Found) -> None:
    """Store a layout, whole or not at all."""
    layout, prefix = found
    write_text(path, json.dumps({"prefix": prefix, "layout": asdict(layout)}, default=_listed))


def read_layout(path: Path) -> Found | None:
    """A stored layout; None, with a line in the log, if it cannot be had."""
    return read_text(path, _parsed)


def _listed(values: "np.ndarray[Any, Any]") -> list[Any]:
    return list(values.tolist())


def _attempt(find: Callable[[], Found], folder: Path) -> Found | str:
    try:
        return find()
    except UnsupportedModelError as error:
        return str(error).replace(str(folder), _FOLDER)


def _read_kept(path: Path) -> Found | str | None:
    """A stored layout, or why there is none; None if neither can be had."""
    return read_text(path, lambda text: json.loads(text).get(_REFUSED) or _parsed(text))


def _write_kept(path: Path, kept: Found | str) -> None:
    if isinstance(kept, str):
        write_text(path, json.dumps({_REFUSED: kept}))
    else:
        write_layout(path, kept)


def _parsed(text: str) -> Found:
    stored = json.loads(text)
    values = stored["layout"]
    if values.keys() != {each.name for each in fields(Layout)}:
        raise ValueError("it has other fields")
    relative, slopes, projection = (values[name] for name in ("relative", "slopes", "projection"))
    made = {
        "layers": tuple(_layer(layer) for layer in values["layers"]),
        "turns": tuple(np.array(turns, dtype=np.float32) for turns in values["turns"]),
        "projection": projection and Rows(**projection),
        "relative": relative and Relative(relative["table"], np.array(relative["rows"], dtype=np.int64)),
        "slopes": None if slopes is None else np.array(slopes, dtype=np.float32),
    }
    return Layout(**values | made), str(stored["prefix"])


def _layer(values: dict[str, Any]) -> LayerLayout:
    made = {
        "qkv": tuple(Rows(**rows) for rows in values["qkv"]),
        "up": tuple(Rows(**rows) for rows in values["up"]),
        "out": Rows(**values["out"]),
        "down": Rows(**values["down"]),
    }
    return LayerLayout(**values | made)
