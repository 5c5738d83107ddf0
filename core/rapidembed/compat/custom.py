"""Models that a program adds under fastembed's names."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rapidembed.registry import ModelSpec, OnnxSource, Task

PLACE = "organisation/name"
"""Stands for any place: fastembed takes names that the hub would refuse."""


def add_exported(
    task: Task,
    spec: ModelSpec,
    sources: Any,
    model_file: str,
    additional_files: Sequence[str] | None,
    description: str,
    license: str,
    size_in_gb: float,
) -> None:
    """Add a model to this process, which comes from there and is listed so.

    Raises:
        ValueError: the name is taken, even by an equal model.
    """
    if task.find(spec.name) is not None:
        raise ValueError(f"Model {spec.name} is already registered in {task.facade}. Choose another name.")
    added = replace(
        spec,
        source=None,
        onnx_source=OnnxSource(
            repo=sources.hf or sources.url, file=model_file, additional_files=tuple(additional_files or ())
        ),
        description=description,
        license=license,
        size_gb=size_in_gb,
    )
    task.add(added)
