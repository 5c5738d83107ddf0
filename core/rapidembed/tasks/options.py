"""The options of a facade: checked once, kept as they were given, and enough to build the facade again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, cast

from rapidembed.errors import DeviceError, UnsupportedModelError
from rapidembed.graph import Compiled, read_record
from rapidembed.hub import Checkpoint
from rapidembed.registry.static_files import STATIC_ARCHITECTURES
from rapidembed.runtime.cpu import integer_kind
from rapidembed.runtime.device import CPU_PROVIDER, Placement, place
from rapidembed.runtime.fast import fastest
from rapidembed.runtime.inputs import check_positive
from rapidembed.runtime.openvino import require
from rapidembed.types import Backend, Device, Precision, Providers

_PRECISIONS = {"onnxruntime": ("auto", "fast", "fp32", "int8"), "openvino": ("auto", "fast", "fp32", "bf16")}
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
        if not isinstance(self.model_name, str) or not self.model_name:
            raise ValueError(f"model_name must be a non-empty str, got {self.model_name!r}.")
        self._check_arithmetic()
        for name in ("threads", "max_tokens"):
            if getattr(self, name) is not None:
                check_positive(name, getattr(self, name))

    def _check_arithmetic(self) -> None:
        if self.backend not in _PRECISIONS:
            raise ValueError(f"backend must be one of {', '.join(_PRECISIONS)}, got {self.backend!r}.")
        everywhere = dict.fromkeys(name for names in _PRECISIONS.values() for name in names)
        if self.precision not in everywhere:
            raise ValueError(f"precision must be one of {', '.join(everywhere)}, got {self.precision!r}.")
        if self.precision not in _PRECISIONS[self.backend]:
            right = next(backend for backend, names in _PRECISIONS.items() if self.precision in names)
            raise ValueError(f'precision="{self.precision}" is for backend="{right}", got backend="{self.backend}".')
        if self.backend != "onnxruntime" and self.providers is not None:
            raise ValueError(f'providers are ONNX Runtime\'s; leave them out with backend="{self.backend}".')

    @property
    def cache_path(self) -> Path | None:
        """``cache_dir`` as a path."""
        return None if self.cache_dir is None else Path(self.cache_dir).expanduser()

    @property
    def model_path(self) -> Path | None:
        """``specific_model_path`` as a path."""
        return None if self.specific_model_path is None else Path(self.specific_model_path).expanduser()

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

    def arithmetic_on(self, placement: Placement, checkpoint: Checkpoint) -> tuple[Precision, Backend]:
        """What computes, and in which precision; "auto" is float32, "fast" what a table says of this machine.

        Raises:
            DeviceError: it is for the CPU, but another device computes, or it is not to be had here.
            UnsupportedModelError: the model has but one precision, or backend.
        """
        backend = cast("Backend", self.backend)
        fixed = checkpoint.is_onnx or checkpoint.spec.architecture in STATIC_ARCHITECTURES or not placement.on_cpu
        if self.precision == "fast" and not fixed and self.providers is None:
            return fastest(backend)
        record = None if fixed else read_record(checkpoint.root)
        if record is not None and self.precision == "auto" and backend == "onnxruntime" and self.providers is None:
            return _compiled(record, checkpoint)
        precision = cast("Precision", "fp32" if self.precision in ("auto", "fast") else self.precision)
        if (precision, backend) == ("fp32", "onnxruntime"):
            return precision, backend
        name = checkpoint.spec.name
        if checkpoint.spec.architecture in STATIC_ARCHITECTURES:
            raise UnsupportedModelError(
                f"{name} is a static model, which looks vectors up; leave precision and backend out."
            )
        if not placement.on_cpu:
            option = f'backend="{backend}"' if backend != "onnxruntime" else f'precision="{precision}"'
            raise DeviceError(f"{option} is for the CPU, but the device is {placement.label}.")
        if backend == "openvino":
            require(precision)
        return precision, backend

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


def _compiled(record: Compiled, checkpoint: Checkpoint) -> tuple[Precision, Backend]:
    """What a compiled folder is for, if that can be had here."""
    if record.integers not in (None, integer_kind()):
        raise DeviceError(
            f"{checkpoint.root} was compiled for CPUs of the kind {record.integers}, this one is {integer_kind()}. "
            'Compile the model on such a machine, or give a precision, such as "fp32".'
        )
    if record.backend == "openvino":
        require(record.precision)
    return record.precision, record.backend


def check_prompts(prompts: Mapping[str, str] | None) -> None:
    """Raise a ValueError unless ``prompts`` maps some of the roles to texts."""
    if not isinstance(prompts, Mapping | None):
        raise ValueError(f"prompts maps {' and '.join(_ROLES)} to str, got {prompts!r}.")
    for role, prompt in (prompts or {}).items():
        if role not in _ROLES or not isinstance(prompt, str):
            raise ValueError(f"prompts maps {' and '.join(_ROLES)} to str, got {role!r}: {prompt!r}.")
