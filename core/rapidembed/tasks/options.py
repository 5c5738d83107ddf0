"""The options of a facade: checked once, kept as they were given, and enough to build the facade again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from rapidembed.runtime.inputs import check_positive
from rapidembed.types import Device, Providers

_PRECISIONS = ("auto", "fp32")
_BACKENDS = ("onnxruntime",)
_ROLES = ("query", "document")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions:
    """What every facade takes: which model, from where, on which device, and what becomes of its texts."""

    model_name: str
    device: str | Sequence[str]
    precision: str
    backend: str
    threads: int | None
    cache_dir: str | Path | None
    revision: str | None
    local_files_only: bool
    token: str | None = field(repr=False)
    max_tokens: int | None
    truncate: bool
    prompts: Mapping[str, str] | None
    lazy_load: bool
    providers: Providers | None
    cuda: bool | Device | str
    device_ids: Sequence[int] | None
    specific_model_path: str | Path | None

    def __post_init__(self) -> None:
        for name in ("local_files_only", "truncate", "lazy_load"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} must be True or False, got {getattr(self, name)!r}.")
        for name in ("revision", "token"):
            if not isinstance(getattr(self, name), str | None):
                raise ValueError(f"{name} must be a str or None, got {type(getattr(self, name)).__name__}.")
        for name in ("cache_dir", "specific_model_path"):
            if not isinstance(getattr(self, name), str | Path | None):
                raise ValueError(f"{name} must be a path or None, got {getattr(self, name)!r}.")
        if not isinstance(self.prompts, Mapping | None):
            raise ValueError(f"prompts maps {' and '.join(_ROLES)} to str, got {self.prompts!r}.")
        if not isinstance(self.model_name, str) or not self.model_name:
            raise ValueError(f"model_name must be a non-empty str, got {self.model_name!r}.")
        if self.precision not in _PRECISIONS:
            raise ValueError(f"precision must be one of {', '.join(_PRECISIONS)}, got {self.precision!r}.")
        if self.backend not in _BACKENDS:
            raise ValueError(f"backend must be one of {', '.join(_BACKENDS)}, got {self.backend!r}.")
        for name in ("threads", "max_tokens"):
            if getattr(self, name) is not None:
                check_positive(name, getattr(self, name))
        for role, prompt in (self.prompts or {}).items():
            if role not in _ROLES or not isinstance(prompt, str):
                raise ValueError(f"prompts maps {' and '.join(_ROLES)} to str, got {role!r}: {prompt!r}.")

    @property
    def cache_path(self) -> Path | None:
        """``cache_dir`` as a path."""
        return None if self.cache_dir is None else Path(self.cache_dir).expanduser()

    @property
    def model_path(self) -> Path | None:
        """``specific_model_path`` as a path."""
        return None if self.specific_model_path is None else Path(self.specific_model_path).expanduser()

    def picklable(self) -> dict[str, Any]:
        """The options by name, without the token: pickles travel, and another process has the files or its own."""
        return {option.name: getattr(self, option.name) for option in fields(self) if option.name != "token"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TextOptions(ModelOptions):
    """Arguments of :class:`rapidembed.TextEmbedding`, documented there."""

    dimensions: int | None
    normalize: bool | None

    def __post_init__(self) -> None:
        # Not super(): slots make the decorator build the class anew, and super() would look for the first one.
        ModelOptions.__post_init__(self)
        if self.normalize not in (True, False, None):
            raise ValueError(f"normalize must be True, False or None, got {self.normalize!r}.")
        if self.dimensions is not None:
            check_positive("dimensions", self.dimensions)
