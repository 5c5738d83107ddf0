"""Real text that every machine has: the documentation strings of Python's standard library."""

import ast
import sysconfig
from collections.abc import Iterator
from pathlib import Path

_SKIPPED = {"test", "tests", "idlelib", "lib2to3", "site-packages", "turtledemo", "__pycache__"}
_LONGEST = 320
_Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def passages() -> dict[str, str]:
    """Qualified public name -> its documentation, shortened to a few sentences."""
    root = Path(sysconfig.get_paths()["stdlib"])
    found: dict[str, str] = {}
    for file in sorted(root.rglob("*.py")):
        module = file.relative_to(root).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
        if _SKIPPED.isdisjoint(file.relative_to(root).parts) and _public(module):
            found.update(_documented(module, file))
    return found


def _documented(module: str, file: Path) -> Iterator[tuple[str, str]]:
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError):
        return
    yield from _walk(module, tree)


def _walk(
    name: str, node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
) -> Iterator[tuple[str, str]]:
    text = ast.get_docstring(node) or ""
    if len(text) > 60:
        yield name, _shorten(text)
    for child in node.body:
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and _public(child.name):
            yield from _walk(f"{name}.{child.name}", child)


def _shorten(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[:_LONGEST].rsplit(" ", 1)[0] + " ..."


def _public(name: str) -> bool:
    return not any(part.startswith("_") for part in name.split("."))
