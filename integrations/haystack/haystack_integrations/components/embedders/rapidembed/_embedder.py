"""What the embedders share: options that serialize, and a model that lives from ``warm_up`` to ``close``."""

import asyncio
import hashlib
import inspect
from collections.abc import Mapping
from enum import Enum
from os import PathLike, fspath
from typing import Any, Self

import numpy as np
from haystack import default_from_dict, default_to_dict
from haystack.utils import ComponentDevice, Secret

import rapidembed  # its facades load at their first use, so that importing the components stays instant

PLACEMENT_KWARGS = ("providers", "cuda", "device_ids", "specific_model_path", "lazy_load")


# Options beside the model's that decide what is embedded.
_AROUND = ("prefix", "suffix", "meta_fields_to_embed")


class LocalEmbedder:
    """The base of the components; each lists its parameters in its own ``__init__``, as Haystack wants it."""

    model: str
    cache_dir: str | None
    threads: int | None
    prefix: str
    suffix: str
    batch_size: int
    progress_bar: bool
    parallel: int | None
    local_files_only: bool
    model_kwargs: dict[str, Any] | None
    device: str | list[str] | ComponentDevice | None
    precision: str
    backend: str
    normalize: bool | None
    truncate_dim: int | None
    revision: str | None
    prompts: dict[str, str] | None
    max_tokens: int | None
    truncate: bool
    token: Secret | None

    _engine: Any = None
    _in_model_kwargs: tuple[str, ...] = ("pooling", "adapter", "long_text", *PLACEMENT_KWARGS)
    """What ``model_kwargs`` may hold."""

    def warm_up(self) -> None:
        """Load the model. Not needed before ``run``, which does it when it must."""
        self._warm()

    async def warm_up_async(self) -> None:
        """Load the model without blocking the event loop."""
        await self._warm_async()

    def close(self) -> None:
        """Give the model back; it is freed with the last component that uses it. A later ``run`` loads it again."""
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()

    async def close_async(self) -> None:
        """The same as :meth:`close`, which does not block."""
        self.close()

    @property
    def fingerprint(self) -> str:
        """A short hash of everything that decides the results, to be stored with them; it loads the model."""
        model = str(self._warm().fingerprint)
        around = [getattr(self, name, None) for name in _AROUND]
        if not any(around):
            return model
        return f"{model}-{hashlib.blake2b(repr(around).encode(), digest_size=8).hexdigest()}"

    def to_dict(self) -> dict[str, Any]:
        """The component in basic types."""
        return default_to_dict(self, **{name: plain(getattr(self, name)) for name in _parameters(self)})

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """The component that ``to_dict`` described."""
        return default_from_dict(cls, data)

    def __getstate__(self) -> dict[str, Any]:
        # Copies load for themselves when they are used; within a process they get the same engine.
        return {name: value for name, value in self.__dict__.items() if name != "_engine"}

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and all(getattr(other, n) == getattr(self, n) for n in _parameters(self))

    def __hash__(self) -> int:
        return hash((type(self), *self._get_telemetry_data().values()))

    @property
    def _name(self) -> str:
        return self.model

    def _get_telemetry_data(self) -> dict[str, Any]:
        return {"model": self._name}

    def _keep(self, arguments: Mapping[str, Any]) -> None:
        """Store the arguments of ``__init__`` under their names."""
        for name, value in arguments.items():
            if name != "self":
                setattr(self, name, plain(value))
        known = self._in_model_kwargs
        unknown = [name for name in self.model_kwargs or {} if name not in known]
        if unknown:
            raise ValueError(f"model_kwargs may hold {', '.join(known)}; got {', '.join(map(repr, unknown))}.")

    def _warm(self) -> Any:
        engine = self._engine
        if engine is None:
            # Two threads may both come here: they get one engine, and the object that is overwritten gives its claim
            # on it back when it is collected.
            self._engine = engine = self._load()
        return engine

    def _load(self) -> Any:
        return rapidembed.TextEmbedding(
            **self._model_options(),
            dimensions=self.truncate_dim,
            max_tokens=self.max_tokens,
            truncate=self.truncate,
            normalize=self.normalize,
            prompts=self._prompts(),
        )

    def _model_options(self) -> dict[str, Any]:
        """Options that every facade has."""
        return {
            "model_name": self._name,
            "cache_dir": self.cache_dir,
            "threads": self.threads,
            "device": device_name(self.device),
            "precision": self.precision,
            "backend": self.backend,
            "revision": self.revision,
            "local_files_only": self.local_files_only,
            "token": self.token.resolve_value() if self.token else None,
            **(self.model_kwargs or {}),
        }

    def _bulk_options(self) -> dict[str, Any]:
        return {"batch_size": self.batch_size, "parallel": self.parallel, "show_progress": self.progress_bar}

    async def _warm_async(self) -> Any:
        engine = self._engine
        return await asyncio.to_thread(self._warm) if engine is None else engine

    def _prompts(self) -> dict[str, str] | None:
        # Whoever wrote prefix="query: " for fastembed-haystack, which knows no prompts, must not get it twice.
        return {"query": "", "document": ""} if self.prompts is None and self.prefix else self.prompts


def plain(value: Any) -> Any:
    """The value in types that Haystack serializes; objects with a ``to_dict`` of their own stay as they are."""
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, PathLike):
        return fspath(value)
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        items = [plain(item) for item in value]
        return items if isinstance(value, list) else tuple(items)
    return value


def _parameters(component: Any) -> list[str]:
    return list(inspect.signature(component.__init__).parameters)


def device_name(device: "str | list[str] | ComponentDevice | None") -> str | list[str]:
    """The device in rapidembed's words; of a device map, every device that it names."""
    if device is None:
        return "auto"
    if not isinstance(device, ComponentDevice):
        return device
    serialized = device.to_dict()
    if "device" in serialized:
        return str(serialized["device"])
    return list(dict.fromkeys(serialized["device_map"].values()))
