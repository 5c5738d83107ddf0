"""Models that the user's program, or an installed package, adds to the curated ones.

A package registers models by an entry point of the group ``rapidembed.models`` that names a :class:`ModelSpec`, or an
iterable of them.
"""

import threading
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from rapidembed.registry.spec import ModelSpec

if TYPE_CHECKING:
    from importlib import metadata

GROUP = "rapidembed.models"

_lock = threading.Lock()
_added: dict[str, ModelSpec] = {}


def add(spec: ModelSpec) -> None:
    """Add a model to this process. Adding an equal one again does nothing.

    Raises:
        ValueError: another model of that name was added, or comes from an installed package.
    """
    with _lock:
        known = find(spec.name)
        if known is not None and known != _registered(spec):
            raise ValueError(
                f"A model {known.name!r} is registered already, with other facts. Choose another name, or remove it "
                "first: remove_custom_model(name)."
            )
        _added[spec.name.lower()] = _registered(spec)


def remove(name: str) -> None:
    """Take a model back that :func:`add` added.

    Raises:
        ValueError: no such model was added.
    """
    with _lock:
        if _added.pop(name.lower(), None) is None:
            raise ValueError(f"No model {name!r} was added by this program; only those can be removed.")


def find(name: str) -> ModelSpec | None:
    """The added or installed model of that name (case does not matter), or None."""
    return _added.get(name.lower()) or _installed().get(name.lower())


def models() -> list[ModelSpec]:
    """All of them, added ones first."""
    return list((_installed() | _added).values())


@cache
def _installed() -> dict[str, ModelSpec]:
    from importlib import metadata  # imports the email package: only a name that is not curated asks

    found: dict[str, ModelSpec] = {}
    for point in metadata.entry_points(group=GROUP):
        for spec in _specs(point):
            if spec.name.lower() in found:
                raise ValueError(f"Two installed packages register a model {spec.name!r}; uninstall one of them.")
            found[spec.name.lower()] = _registered(spec)
    return found


def _specs(point: "metadata.EntryPoint") -> list[ModelSpec]:
    value = point.load()
    specs = [value] if isinstance(value, ModelSpec) else list(value) if isinstance(value, Iterable) else [value]
    for spec in specs:
        if not isinstance(spec, ModelSpec):
            raise ValueError(
                f"The entry point {point.name!r} ({point.value}) of group {GROUP} must name a ModelSpec or an iterable "
                f"of them, got {type(spec).__name__}."
            )
    return specs


def _registered(spec: ModelSpec) -> ModelSpec:
    return replace(spec, overrides=True)
