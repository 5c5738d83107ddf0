"""The rows of the registry as fastembed lists them."""

import json
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import Any

from rapidembed.compat.common.model_description import (
    BaseModelDescription,
    DenseModelDescription,
    ModelSource,
    SparseModelDescription,
)
from rapidembed.registry import ModelSpec
from rapidembed.tasks.describe import describe


def dense(specs: Iterable[ModelSpec]) -> list[DenseModelDescription]:
    """Models whose vectors have a width."""
    return [DenseModelDescription(**_facts(spec), dim=spec.dim, tasks=_tasks(spec)) for spec in specs]


def sparse(specs: Iterable[ModelSpec]) -> list[SparseModelDescription]:
    """Models that weigh words."""
    return [
        SparseModelDescription(
            **_facts(spec), vocab_size=spec.vocab_size or spec.dim, requires_idf=True if spec.words else None
        )
        for spec in specs
    ]


def base(specs: Iterable[ModelSpec]) -> list[BaseModelDescription]:
    """Models of any kind."""
    return [BaseModelDescription(**_facts(spec)) for spec in specs]


def pictures(rows: str) -> list[DenseModelDescription]:
    """Models of pictures that fastembed has, from their data file."""
    return [
        DenseModelDescription(
            model=row["name"],
            sources=ModelSource(hf=row["onnx_source"]["repo"]),
            model_file=row["onnx_source"]["file"],
            description=row["description"],
            license=row["license"],
            size_in_GB=row["size_gb"],
            additional_files=list(row["onnx_source"].get("additional_files", ())),
            dim=row["dim"],
        )
        for row in _raw(rows)
        if "fastembed" in row
    ]


def _facts(spec: ModelSpec) -> dict[str, Any]:
    facts = describe(spec)
    archived = spec.fastembed is not None and spec.fastembed.archived
    return {
        "model": spec.name,
        "sources": ModelSource(hf=facts["sources"]["hf"], _deprecated_tar_struct=archived),
        "model_file": facts["model_file"],
        "description": facts["description"],
        "license": spec.license,
        "size_in_GB": spec.size_gb if spec.size_gb is not None else 0.0,
        "additional_files": facts["additional_files"],
    }


def _tasks(spec: ModelSpec) -> dict[str, Any]:
    return dict(spec.tasks)


@cache
def _raw(rows: str) -> list[dict[str, Any]]:
    text = resources.files("rapidembed.registry").joinpath(f"data/{rows}.json").read_text(encoding="utf-8")
    found: list[dict[str, Any]] = json.loads(text)
    return found
