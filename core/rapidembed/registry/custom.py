"""Models that the user's program, or an installed package, adds to the curated ones.

A package registers models by an entry point of the group ``rapidembed.models`` that names a :class:`ModelSpec`, or an
iterable of them. What a model is for is told by its head; a name may stand for one model of each head.
"""

import threading
from collections.abc import Collection, Iterable
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from rapidembed.names import HeadName
from rapidembed.registry.spec import ModelSpec

if TYPE_CHECKING:
    from importlib import metadata

GROUP = "rapidembed.models"

_Key = tuple[HeadName, str]

_PLACES = ("package:", "builtin:")
"""Beginnings of what says where a model lies: no package registers such names, and asking them all takes time."""

_lock = threading.Lock()
_added: dict[_Key, ModelSpec] = {}


def add(spec: ModelSpec) -> None:
    """Add a model to this process. Adding an equal one again does nothing.

    Raises:
        ValueError: another model of that name and head was added, or comes from an installed package.
    """
    with _lock:
        known = find((spec.head,), spec.name)
        if known is not None and known != _registered(spec):
            raise ValueError(
                f"A model {known.name!r} is registered already, with other facts. Choose another name, or remove it "
                "first: remove_custom_model(name)."
            )
        _added[_key(spec)] = _registered(spec)


def remove(heads: Iterable[HeadName], name: str) -> None:
    """Take a model back that :func:`add` added.

    Raises:
        ValueError: no such model was added.
    """
    with _lock:
        known = [key for head in heads if (key := (head, name.lower())) in _added]
        if not known:
            raise ValueError(f"No model {name!r} was added by this program; only those can be removed.")
        for key in known:
            del _added[key]


def is_added(spec: ModelSpec) -> bool:
    """Whether this program added a model, which may be removed then."""
    return _key(spec) in _added


def find(heads: Iterable[HeadName], name: str) -> ModelSpec | None:
    """The added or installed model of that name (case does not matter) that has one of the heads, or None."""
    keys = [(head, name.lower()) for head in heads]
    if added := next(filter(None, map(_added.get, keys)), None):
        return added
    if name.startswith(_PLACES):
        return None
    return next(filter(None, map(_installed().get, keys)), None)


def models(heads: Collection[HeadName]) -> list[ModelSpec]:
    """All models of these heads, installed ones first."""
    return [spec for spec in (_installed() | _added).values() if spec.head in heads]


@cache
def _installed() -> dict[_Key, ModelSpec]:
    from importlib import metadata  # imports the email package: only a name that is not curated asks

    found: dict[_Key, ModelSpec] = {}
    for point in metadata.entry_points(group=GROUP):
        for spec in _specs(point):
            if _key(spec) in found:
                raise ValueError(f"Two installed packages register a model {spec.name!r}; uninstall one of them.")
            found[_key(spec)] = _registered(spec)
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


def _key(spec: ModelSpec) -> _Key:
    return spec.head, spec.name.lower()


def _registered(spec: ModelSpec) -> ModelSpec:
    return replace(spec, overrides=True)
