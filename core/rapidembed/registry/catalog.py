"""The curated models: JSON rows in ``data/``, read once."""

import json
from functools import cache
from pathlib import Path

from rapidembed.registry.spec import ModelSpec


@cache
def curated(rows: str) -> tuple[ModelSpec, ...]:
    """The curated models of ``data/<rows>.json``, in its order.

    Raises:
        ValueError: the data file names a model twice.
    """
    text = (Path(__file__).parent / "data" / f"{rows}.json").read_text(encoding="utf-8")
    specs = tuple(ModelSpec.from_row(row) for row in json.loads(text))
    names = [spec.name.lower() for spec in specs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{rows}.json names these models more than once: {', '.join(twice)}.")
    return specs


def find_curated(rows: str, name: str) -> ModelSpec | None:
    """The curated model of that name (case does not matter), or None."""
    return _by_name(rows).get(name.lower())


@cache
def _by_name(rows: str) -> dict[str, ModelSpec]:
    return {spec.name.lower(): spec for spec in curated(rows)}
