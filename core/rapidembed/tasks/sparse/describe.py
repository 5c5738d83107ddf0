"""A sparse model that is known by name as a dict, for listings."""

from typing import TYPE_CHECKING, Any

from rapidembed.lexical.languages import LANGUAGES
from rapidembed.lexical.models import LexicalModel
from rapidembed.tasks.describe import describe
from rapidembed.tasks.sparse.lexical import Bm25Model

if TYPE_CHECKING:
    from rapidembed.registry import ModelSpec


def describe_sparse(spec: "ModelSpec") -> dict[str, Any]:
    """Of a network that makes sparse vectors."""
    return describe(spec) | {"vocab_size": spec.vocab_size or spec.dim, "requires_idf": spec.words is not None}


def describe_lexical(model: LexicalModel) -> dict[str, Any]:
    """Of a model without a network."""
    return {
        "model": model.name,
        "vocab_size": Bm25Model.vocab_size,
        "requires_idf": Bm25Model.requires_idf,
        "description": model.description,
        "license": model.license,
        "size_in_GB": 0.0,
        "sources": {"hf": model.name, "url": None, "_deprecated_tar_struct": False},
        "model_file": "",
        "additional_files": [],
        "languages": list(LANGUAGES),
        "languages_equal_to_fastembed": [name for name, language in LANGUAGES.items() if language.equal],
    }
