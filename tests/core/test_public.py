"""The public surface, and the rules of the house about who imports whom."""

import ast
import doctest
import gc
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
import rapidembed
from rapidembed import errors, importing

ROOT = Path(__file__).parents[2]
CORE = ROOT / "core" / "rapidembed"
FRAMEWORKS = ("langchain", "llama_index", "haystack", "rapidembed_", "torch", "transformers", "sentence_transformers")
# Each package may import those after it, and itself.
LAYERS = ["cli", "compat", "toolkit", "tasks", "lexical", "runtime", "graph", "hub", "registry"]


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
            if node.module == "rapidembed":
                found.update(f"rapidembed.{alias.name}" for alias in node.names)
    return found


def test_all_is_sorted_complete_and_importable() -> None:
    assert rapidembed.__all__ == sorted(rapidembed.__all__)
    for name in rapidembed.__all__:
        assert getattr(rapidembed, name).__name__ == name
    assert set(rapidembed.__all__) <= set(dir(rapidembed))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        rapidembed.nothing  # noqa: B018


def test_every_error_is_public_and_in_the_tree() -> None:
    classes = {name: value for name, value in vars(errors).items() if isinstance(value, type)}
    assert set(classes) <= set(rapidembed.__all__)
    for name, value in classes.items():
        if name.endswith("Error"):
            assert issubclass(value, errors.RapidEmbedError)
            assert name in errors.__doc__


def test_import_is_light() -> None:
    script = "import sys, rapidembed; print(*{'numpy', 'onnxruntime', 'onnx', 'tokenizers'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("path", sorted(CORE.rglob("*.py")), ids=lambda path: str(path.relative_to(CORE)))
def test_core_imports(path: Path) -> None:
    names = imports(path)
    adapters = [name for name in names if name.split(".")[0] != "rapidembed_native"]  # a backend, no framework's
    assert not [name for name in adapters if name.startswith(FRAMEWORKS)]
    layer = path.relative_to(CORE).parts[0]
    if layer in LAYERS:
        above = LAYERS[: LAYERS.index(layer)]
        assert not [name for name in names if name.startswith(tuple(f"rapidembed.{other}" for other in above))]


def at_once(path: Path, modules: dict[str, Path]) -> set[str]:
    """The modules that one of the core imports when it is imported itself."""
    found: set[str] = set()
    statements = list(ast.parse(path.read_text(encoding="utf-8")).body)
    for node in statements:
        if isinstance(node, ast.Try):
            statements += node.body
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            inner = {f"{node.module}.{alias.name}" for alias in node.names} & modules.keys()
            found.update(inner or {node.module or ""})
    return found & modules.keys()


def test_no_module_of_the_core_imports_itself_by_way_of_others() -> None:
    paths = {".".join(path.relative_to(CORE.parent).with_suffix("").parts): path for path in CORE.rglob("*.py")}
    modules = {name.removesuffix(".__init__"): path for name, path in paths.items()}
    assert at_once(CORE / "runtime" / "lease.py", modules) >= {"rapidembed.runtime.engine", "rapidembed.errors"}
    TopologicalSorter({name: at_once(path, modules) for name, path in modules.items()}).prepare()


@pytest.mark.parametrize("path", sorted((ROOT / "integrations").rglob("*.py")), ids=lambda path: path.name)
def test_integrations_use_public_names_only(path: Path) -> None:
    own = {f"rapidembed.{name}" for name in rapidembed.__all__} | {"rapidembed", "rapidembed.toolkit"}
    used = {name for name in imports(path) if name.split(".")[0] == "rapidembed"}
    assert used <= own


def test_no_print_and_no_assert_in_the_library() -> None:
    for path in [*CORE.rglob("*.py"), *(ROOT / "integrations").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            assert not isinstance(node, ast.Assert), path
            assert not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"), path


def test_examples_in_docstrings_run() -> None:
    from rapidembed.tasks import max_sim
    from rapidembed.toolkit import fuse, muvera

    for name in rapidembed.__all__:  # classes belong to the package once they are loaded
        getattr(rapidembed, name)
    for module in (rapidembed, fuse, max_sim, muvera):
        result = doctest.testmod(module)
        assert result.attempted > 0
        assert result.failed == 0
    assert {"rapidembed.BM25Index", "rapidembed.SparseTextEmbedding", "rapidembed.TextEmbedding"} <= {
        test.name for test in doctest.DocTestFinder().find(rapidembed) if test.examples
    }


@pytest.mark.parametrize("collecting", [True, False])
def test_garbage_is_collected_after_an_import_as_before(collecting, monkeypatch):
    seen = []
    monkeypatch.setattr("rapidembed.importing._in_subinterpreter", lambda: False)
    monkeypatch.setattr("rapidembed.importing.import_module", lambda name: seen.append((name, gc.isenabled())) or gc)
    (gc.enable if collecting else gc.disable)()
    try:
        assert importing.load("module") is gc
        assert gc.isenabled() is collecting
    finally:
        gc.enable()
    assert seen == [("module", False)]


def test_garbage_is_collected_after_an_import_that_fails():
    with pytest.raises(ModuleNotFoundError):
        importing.load("rapidembed.nowhere")
    assert gc.isenabled()
