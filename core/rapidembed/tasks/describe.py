"""A model that is known by name as a dict, for listings."""

from typing import TYPE_CHECKING, Any

from rapidembed.lexical.languages import LANGUAGES
from rapidembed.lexical.models import LexicalModel
from rapidembed.tasks.sparse.lexical import LexicalBackend

if TYPE_CHECKING:
    from rapidembed.registry import ModelSpec


def describe(spec: "ModelSpec") -> dict[str, Any]:
    """Fastembed's keys, and ours: ``max_tokens``, ``languages``, ``prompts``."""
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
    if spec.head in ("pool", "tokens", "hybrid"):
        facts |= {"dim": spec.dim, "tasks": dict(spec.tasks), "prompts": dict(spec.prompts)}
    return facts


def describe_sparse(spec: "ModelSpec") -> dict[str, Any]:
    """Of a network that makes sparse vectors."""
    return describe(spec) | {"vocab_size": spec.vocab_size or spec.dim, "requires_idf": spec.words is not None}


def describe_lexical(model: LexicalModel) -> dict[str, Any]:
    """Of a model without a network."""
    return {
        "model": model.name,
        "vocab_size": LexicalBackend.vocab_size,
        "requires_idf": LexicalBackend.requires_idf,
        "description": model.description,
        "license": model.license,
        "size_in_GB": 0.0,
        "sources": {"hf": model.name, "url": None, "_deprecated_tar_struct": False},
        "model_file": "",
        "additional_files": [],
        "languages": list(LANGUAGES),
        "languages_equal_to_fastembed": [name for name, language in LANGUAGES.items() if language.equal],
    }
