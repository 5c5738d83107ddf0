"""Layouts on disk, so that a start that finds one needs none of what writes graphs."""

import json
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from rapidembed import settings
from rapidembed.errors import UnsupportedModelError
from rapidembed.graph.cache import keep, read_text, write_text
from rapidembed.graph.layout import LayerLayout, Layout, Relative, Rows

Found = tuple[Layout, str]
"""A layout, and what stands before the names in it."""
_REFUSED = "refused"


def cached_layout(key: str, find: Callable[[], Found]) -> Found:
    """The layout stored under ``key``, else the one that ``find`` gives, or that there is none; which is then stored.

    Raises:
        UnsupportedModelError: no layout can tell the model; from ``find``.
    """
    path = settings.cache_dir() / "graphs" / f"{key}.layout"
    if (refusal := read_text(path, _refusal)) is not None:
        raise UnsupportedModelError(refusal)
    if (found := read_layout(path)) is not None:
        return found
    why = "config.json is read at every start."
    try:
        found = find()
    except UnsupportedModelError as error:
        refused = json.dumps({_REFUSED: str(error)})
        keep(lambda: write_text(path, refused), why)
        raise
    keep(lambda: write_layout(path, found), why)
    return found


def write_layout(path: Path, found: Found) -> None:
    """Store a layout, whole or not at all."""
    layout, prefix = found
    write_text(path, json.dumps({"prefix": prefix, "layout": asdict(layout)}, default=_listed))


def read_layout(path: Path) -> Found | None:
    """A stored layout; None, with a line in the log, if it cannot be had."""
    return read_text(path, _parsed)


def _listed(values: "np.ndarray[Any, Any]") -> list[Any]:
    return list(values.tolist())


def _refusal(text: str) -> str | None:
    refusal: str | None = json.loads(text).get(_REFUSED)
    return refusal


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
