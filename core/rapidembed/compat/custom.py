"""Models that a program adds under fastembed's names."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from rapidembed.registry import ModelSpec, OnnxSource, Task

PLACE = "organisation/name"
"""Stands for any place: fastembed takes names that the hub would refuse."""


@dataclass(frozen=True)
class Exported:
    """Where an added model's ONNX file is, and what its listing says."""

    onnx: OnnxSource
    description: str
    license: str
    size_gb: float

    def over(self, spec: ModelSpec) -> ModelSpec:
        """The spec, of a model that comes from there."""
        return replace(
            spec,
            source=None,
            onnx_source=self.onnx,
            description=self.description,
            license=self.license,
            size_gb=self.size_gb,
        )


def exported(
    model: str,
    sources: Any,
    model_file: str,
    additional_files: Sequence[str] | None,
    description: str,
    license: str,
    size_in_gb: float,
) -> Exported:
    """The arguments of ``add_custom_model`` that all kinds have."""
    onnx = OnnxSource(repo=sources.hf or sources.url, file=model_file, additional_files=tuple(additional_files or ()))
    return Exported(onnx, description, license, size_in_gb)


def add(task: Task, spec: ModelSpec) -> None:
    """Add a model to this process.

    Raises:
        ValueError: the name is taken, even by an equal model.
    """
    if task.find(spec.name) is not None:
        raise ValueError(f"Model {spec.name} is already registered in {task.facade}. Choose another name.")
    task.add(spec)
