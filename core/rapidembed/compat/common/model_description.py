"""What listings hold, as fastembed has it."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any


@dataclass(frozen=True)
class ModelSource:
    """Where a model's files come from: a hub repository, or an archive at a URL (which is not read here)."""

    hf: str | None = None
    url: str | None = None
    _deprecated_tar_struct: bool = False

    def __post_init__(self) -> None:
        if self.hf is None and self.url is None:
            raise ValueError("A ModelSource needs hf, a hub repository, or url; got neither.")

    @property
    def deprecated_tar_struct(self) -> bool:
        """Whether fastembed once kept this model in archives."""
        return self._deprecated_tar_struct


@dataclass(frozen=True)
class BaseModelDescription:
    """Of any model."""

    model: str
    sources: ModelSource
    model_file: str
    description: str
    license: str
    size_in_GB: float  # noqa: N815  # fastembed's name
    additional_files: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class DenseModelDescription(BaseModelDescription):
    """Of a model whose vectors have a width."""

    dim: int | None = None
    tasks: dict[str, Any] | None = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.dim is None:
            raise AssertionError("dim is missing: the description of a dense model needs it.")


@dataclass(frozen=True)
class SparseModelDescription(BaseModelDescription):
    """Of a model that weighs words."""

    requires_idf: bool | None = None
    vocab_size: int | None = None


class PoolingType(str, Enum):  # noqa: UP042  # texts of it are as fastembed has them
    """How token vectors become one."""

    CLS = "CLS"
    MEAN = "MEAN"
    LAST_TOKEN = "LAST_TOKEN"  # noqa: S105
    DISABLED = "DISABLED"
