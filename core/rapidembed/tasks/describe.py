"""A model that is known by name as a dict, for listings."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rapidembed.registry import ModelSpec


def describe(spec: "ModelSpec") -> dict[str, Any]:
    """Fastembed's keys, and ours: ``max_tokens``, ``languages``, ``prompts``."""
    from rapidembed.registry.heads import HEADS

    onnx = spec.onnx_source
    summary = f"{spec.languages or 'Text'}, {spec.max_tokens or 'any number of'} tokens, {spec.architecture}"
    facts: dict[str, Any] = {
        "model": spec.name,
        "description": spec.description or summary,
        "license": spec.license,
        "size_in_GB": spec.size_gb,
        "sources": {"hf": onnx.repo if onnx else spec.source, "url": None, "_deprecated_tar_struct": False},
        "model_file": onnx.file if onnx else "model.safetensors",
        "additional_files": list(onnx.additional_files) if onnx else [],
        "max_tokens": spec.max_tokens,
        "languages": spec.languages,
    }
    if HEADS[spec.head].dense:
        facts |= {"dim": spec.dim, "tasks": dict(spec.tasks), "prompts": dict(spec.prompts)}
    return facts
