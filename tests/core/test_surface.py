"""The surface of the facades: types as a type checker sees them, and options that nobody forgets to pass on."""

import ast
import inspect
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import rapidembed
from rapidembed import BM25Index
from rapidembed.lexical.options import LexicalOptions
from rapidembed.tasks.late_interaction.options import LateInteractionOptions
from rapidembed.tasks.options import ModelOptions, TokenOptions
from rapidembed.tasks.rerank.options import RerankOptions
from rapidembed.tasks.sparse.options import SparseOptions
from rapidembed.tasks.text.options import TextOptions

ROOT = Path(__file__).parents[2]
TYPED = Path(__file__).with_name("typed_surface.py")
OPTIONS: dict[str, type[ModelOptions]] = {
    "TextEmbedding": TextOptions,
    "SparseTextEmbedding": SparseOptions,
    "LateInteractionTextEmbedding": LateInteractionOptions,
    "HybridTextEmbedding": TokenOptions,
    "TextCrossEncoder": RerankOptions,
}
FACADES = list(OPTIONS)
NOTHING = inspect.Parameter.empty


def test_types_are_exact() -> None:
    """Of our facades, and of one that somebody else might write."""
    paths = [str(TYPED), "tests/fakes/spread/facade.py"]
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", "pyproject.toml", *paths]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("facade", FACADES)
def test_every_public_name_is_in_the_typed_surface(facade: str) -> None:
    function = next(
        node
        for node in ast.walk(ast.parse(TYPED.read_text(encoding="utf-8")))
        if isinstance(node, ast.AsyncFunctionDef) and node.name == f"of_{facade}"
    )
    seen = {
        node.attr
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("model", facade)
    }
    assert {name for name in dir(getattr(rapidembed, facade)) if not name.startswith("_")} == seen


def parameters(of: Callable[..., Any]) -> dict[str, Any]:
    """Names and defaults of the arguments."""
    return {name: parameter.default for name, parameter in inspect.signature(of).parameters.items() if name != "self"}


def arguments(facade: str) -> dict[str, Any]:
    return parameters(getattr(rapidembed, facade).__init__)


@pytest.mark.parametrize("facade", FACADES)
def test_async_methods_have_the_arguments_of_the_others(facade: str) -> None:
    cls = getattr(rapidembed, facade)
    twins = [name for name in dir(cls) if not name.startswith("_") and inspect.iscoroutinefunction(getattr(cls, name))]
    assert twins
    for name in twins:
        assert parameters(getattr(cls, name)) == parameters(getattr(cls, name.removeprefix("a"))), name


@pytest.mark.parametrize("facade", FACADES)
def test_arguments_are_the_fields_of_the_options(facade: str) -> None:
    assert set(arguments(facade)) == {option.name for option in fields(OPTIONS[facade])}


@pytest.mark.parametrize("facade", FACADES)
def test_an_argument_has_one_default_everywhere(facade: str) -> None:
    others = arguments("TextEmbedding") | arguments("SparseTextEmbedding")
    for name, default in arguments(facade).items():
        if name == "model_name":
            assert default is (None if facade == "TextEmbedding" else NOTHING)
        else:
            assert default == others.get(name)
        assert default is not NOTHING or name == "model_name"


def test_bm25_has_the_same_options_everywhere() -> None:
    names = [option.name for option in fields(LexicalOptions)]
    assert [name for name in arguments("SparseTextEmbedding") if name in names] == names
    fitted = parameters(BM25Index.fit)
    assert [*fitted, "avg_len"] == ["documents", *(name for name in names if name != "avg_len"), "avg_len"]
    assert {default for name, default in fitted.items() if name != "documents"} == {None}


def test_options_are_passed_on() -> None:
    """Each by its own name: a value that only one argument may have arrives there."""
    given = {"k": 1.5, "b": 0.5, "avg_len": 9.0, "language": "german", "token_max_length": 7, "tokenizer": "unicode"}
    given |= {"cache_dir": "somewhere", "threads": 1, "local_files_only": True, "stopwords": ["a"], "token": "secret"}
    model = rapidembed.SparseTextEmbedding("Qdrant/bm25", **given)
    assert {name: getattr(model._options, name) for name in given} == given
    assert {name: getattr(model._options.lexical, name) for name in ("k", "stopwords")} == {
        "k": 1.5,
        "stopwords": ["a"],
    }
    assert BM25Index.fit(["a"], k=1.5, language="german")._options.given() == {"k": 1.5, "language": "german"}


_RENAMED = {"max_length": "max_tokens", "model": "model_name", "truncate_dim": "dimensions"}
"""What adapters call an argument otherwise."""
_LEFT_OUT = {"stemmer"}
"""Arguments that no adapter has: an object cannot be saved."""


def fields_of(cls: Any) -> dict[str, Any]:
    """Names and defaults of a pydantic class's fields."""
    return {name: NOTHING if field.is_required() else field.default for name, field in cls.model_fields.items()}


def langchain() -> dict[str, tuple[str, dict[str, Any]]]:
    import rapidembed_langchain as adapters

    facades = {
        "FastEmbedEmbeddings": "TextEmbedding",
        "FastEmbedSparse": "SparseTextEmbedding",
        "FastEmbedRerank": "TextCrossEncoder",
        "FastEmbedCrossEncoder": "TextCrossEncoder",
        "FastEmbedColbertRerank": "LateInteractionTextEmbedding",
    }
    return {name: (facade, fields_of(getattr(adapters, name))) for name, facade in facades.items()}


def llamaindex() -> dict[str, tuple[str, dict[str, Any]]]:
    import rapidembed_llamaindex as adapters

    facades = {
        "FastEmbedEmbedding": "TextEmbedding",
        "FastEmbedSparseEmbedding": "SparseTextEmbedding",
        "FastEmbedRerank": "TextCrossEncoder",
        "FastEmbedColbertRerank": "LateInteractionTextEmbedding",
    }
    return {name: (facade, fields_of(getattr(adapters, name))) for name, facade in facades.items()}


def haystack() -> dict[str, tuple[str, dict[str, Any]]]:
    import rapidembed_haystack as adapters

    facades = {
        "FastembedTextEmbedder": "TextEmbedding",
        "FastembedDocumentEmbedder": "TextEmbedding",
        "FastembedSparseTextEmbedder": "SparseTextEmbedding",
        "FastembedSparseDocumentEmbedder": "SparseTextEmbedding",
        "FastembedRanker": "TextCrossEncoder",
        "FastembedLateInteractionRanker": "LateInteractionTextEmbedding",
    }

    def options(cls: Any) -> dict[str, Any]:
        own = parameters(cls.__init__)
        # In a dictionary of their own, they have no default there.
        return {name: arguments_of_all().get(name) for name in cls._in_model_kwargs} | own

    return {name: (facade, options(getattr(adapters, name))) for name, facade in facades.items()}


def arguments_of_all() -> dict[str, Any]:
    return {name: default for facade in FACADES for name, default in arguments(facade).items()}


@pytest.mark.parametrize("framework", [langchain, llamaindex, haystack])
def test_adapters_have_every_argument(framework: Callable[[], dict[str, tuple[str, dict[str, Any]]]]) -> None:
    for adapter, (facade, found) in framework().items():
        found = {_RENAMED.get(name, name): default for name, default in found.items()}
        wanted = arguments(facade)
        missing = set(wanted) - set(found) - _LEFT_OUT
        # LlamaIndex saves its components, and has nothing that keeps a token secret there.
        missing -= {"token"} if framework is llamaindex else set()
        assert not missing, adapter
        for name in set(wanted) & set(found) - {"model_name", "device", "token"}:
            assert found[name] == wanted[name], (adapter, name)
        # Haystack's type for devices has no "auto".
        assert found["device"] == (None if framework is haystack else "auto")


@pytest.mark.parametrize(("facade", "rows"), [("ImageEmbedding", 16), ("LateInteractionMultimodalEmbedding", 4)])
def test_methods_of_pictures_have_one_batch_size(facade: str, rows: int) -> None:
    """Not that of texts: a picture takes as long as hundreds of tokens."""
    methods = inspect.getmembers(getattr(rapidembed, facade), inspect.isfunction)
    parameters = [inspect.signature(method).parameters for name, method in methods if not name.startswith("_")]
    found = [each["batch_size"].default for each in parameters if "images" in each and "batch_size" in each]
    assert len(found) >= 3
    assert set(found) == {rows}
