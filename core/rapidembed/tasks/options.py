"""The options of a facade: checked once, kept as they were given, and enough to build the facade again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

from rapidembed.errors import DeviceError
from rapidembed.runtime.backends import DEFAULT, check_options
from rapidembed.runtime.device import CPU_PROVIDER, Placement, may_offer_cuda, place
from rapidembed.runtime.inputs import check_positive
from rapidembed.types import Device, Providers

if TYPE_CHECKING:
    from pathlib import Path

_ROLES = ("query", "document")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ModelOptions:
    """What every facade takes: which model, from where, and on which device."""

    model_name: str
    """A path given as such becomes a str."""
    device: str | Sequence[str]
    precision: str
    backend: str
    threads: int | None
    cache_dir: "str | Path | None"
    revision: str | None
    local_files_only: bool
    token: str | None = field(repr=False)
    lazy_load: bool
    providers: Providers | None
    cuda: bool | Device | str
    device_ids: Sequence[int] | None
    specific_model_path: "str | Path | None"

    def __post_init__(self) -> None:
        if isinstance(self.model_name, PathLike):
            object.__setattr__(self, "model_name", fspath(self.model_name))
        for name in ("local_files_only", "lazy_load"):
            check_flag(name, getattr(self, name))
        for name in ("revision", "token"):
            if not isinstance(getattr(self, name), str | None):
                raise ValueError(f"{name} must be a str or None, got {type(getattr(self, name)).__name__}.")
        for name in ("cache_dir", "specific_model_path"):
            if not isinstance(getattr(self, name), str | PathLike | None):
                raise ValueError(f"{name} must be a path or None, got {getattr(self, name)!r}.")
        if not isinstance(self.model_name, str) or not self.model_name:
            raise ValueError(f"model_name must be a non-empty str, got {self.model_name!r}.")
        check_options(self.precision, self.backend, providers=self.providers is not None)
        if self.threads is not None:
            check_positive("threads", self.threads)

    @property
    def cache_path(self) -> "Path | None":
        """``cache_dir`` as a path."""
        return _path(self.cache_dir)

    @property
    def model_path(self) -> "Path | None":
        """``specific_model_path`` as a path."""
        return _path(self.specific_model_path)

    def place(self, available: Sequence[str]) -> Placement:
        """Where to run, of the execution providers that are there.

        Raises:
            DeviceError: what is asked for is not there, or options contradict each other.
        """
        return place(
            available=available,
            device=self.device,
            cuda=self.cuda,
            device_ids=self.device_ids,
            providers=self.providers,
        )

    @property
    def stays_on_cpu(self) -> bool:
        """Whether no device is asked for, and the backend, or what is installed, is for CPUs only."""
        asked = (self.device, self.cuda, self.device_ids, self.providers) != ("auto", Device.AUTO, None, None)
        return not asked and (self.backend != DEFAULT or not may_offer_cuda())

    def place_on_cpu(self, why: str) -> Placement:
        """The CPU, for models that run nowhere else: that a GPU is there does not matter, that one is asked for does.

        Raises:
            DeviceError: one is; begins with ``why``.
        """
        try:
            return self.place([CPU_PROVIDER])
        except DeviceError as error:
            raise DeviceError(
                f"{why} runs on the CPU only; leave device, cuda, device_ids and providers out."
            ) from error

    def picklable(self) -> dict[str, Any]:
        """The options by name, without the token: pickles travel, and another process has the files or its own."""
        return {option.name: getattr(self, option.name) for option in fields(self) if option.name != "token"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TokenOptions(ModelOptions):
    """What every facade takes whose model reads tokens of texts."""

    max_tokens: int | None
    truncate: bool

    def __post_init__(self) -> None:
        # Not super(): slots make the decorator build the class anew, and super() would look for the first one.
        ModelOptions.__post_init__(self)
        check_flag("truncate", self.truncate)
        if self.max_tokens is not None:
            check_positive("max_tokens", self.max_tokens)


def check_flag(name: str, value: object) -> None:
    """Raise a ValueError unless ``value`` is True or False; names the argument."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be True or False, got {value!r}.")


def _path(given: "str | Path | None") -> "Path | None":
    if given is None:
        return None
    from pathlib import Path  # BM25, which has no files, starts without

    return Path(given).expanduser()


def check_prompts(prompts: Mapping[str, str] | None) -> None:
    """Raise a ValueError unless ``prompts`` maps some of the roles to texts."""
    if not isinstance(prompts, Mapping | None):
        raise ValueError(f"prompts maps {' and '.join(_ROLES)} to str, got {prompts!r}.")
    for role, prompt in (prompts or {}).items():
        if role not in _ROLES or not isinstance(prompt, str):
            raise ValueError(f"prompts maps {' and '.join(_ROLES)} to str, got {role!r}: {prompt!r}.")
