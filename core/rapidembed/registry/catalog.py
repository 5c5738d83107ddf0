"""The curated models: JSON rows in ``data/``, read once."""

import json
from functools import cache
from pathlib import Path

from rapidembed.registry import custom
from rapidembed.registry.spec import ModelSpec


@cache
def dense_models() -> tuple[ModelSpec, ...]:
    """The curated dense text models, in the order of the data file.

    Raises:
        ValueError: the data file names a model twice.
    """
    text = (Path(__file__).parent / "data" / "dense.json").read_text(encoding="utf-8")
    specs = tuple(ModelSpec.from_row(row) for row in json.loads(text))
    names = [spec.name.lower() for spec in specs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"dense.json names these models more than once: {', '.join(twice)}.")
    return specs


@cache
def _dense_by_name() -> dict[str, ModelSpec]:
    return {spec.name.lower(): spec for spec in dense_models()}


def is_curated(name: str) -> bool:
    """Whether a curated model has that name (case does not matter)."""
    return name.lower() in _dense_by_name()


def find_dense(name: str) -> ModelSpec | None:
    """The curated, added or installed dense model of that name (case does not matter), or None."""
    return _dense_by_name().get(name.lower()) or custom.find(name)
