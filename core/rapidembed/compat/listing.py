"""The rows of the registry as fastembed lists them."""

from collections.abc import Iterable
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
    return [DenseModelDescription(**_facts(spec), dim=spec.dim, tasks=dict(spec.tasks)) for spec in specs]


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


def pictures(specs: Iterable[ModelSpec]) -> list[DenseModelDescription]:
    """Models of pictures, those that fastembed has."""
    return dense(spec for spec in specs if spec.fastembed)


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
