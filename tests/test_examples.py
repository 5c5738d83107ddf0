"""Every example runs as it is, and the documentation shows what it prints."""

import subprocess
import sys
from importlib import util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

_spec = util.spec_from_file_location("docs_build", ROOT / "docs" / "build.py")
build = util.module_from_spec(_spec)
_spec.loader.exec_module(build)


_HYBRID = [
    ("When do I get my money", "Travel expenses"),
    ("at Christmas", "closed from 24 December"),
    ("E4711 on the network", "E4711: the printer has no paper"),
]


# Every framework has one page here; the others differ in the index that is behind it.
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if "_hybrid" in name else []) for name in build.PAGES]
)
def test_pages_show_the_examples_and_what_they_print(name: str) -> None:
    assert (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8") == build.page(name), "run: python docs/build.py"


@pytest.mark.parametrize(
    ("name", "pairs"),
    [
        ("langchain", [("Travel expenses are paid back", "When do I get my money"), ("24 December", "office open")]),
        ("llamaindex", [("When do I get my money", "Travel expenses"), ("office open", "closed from 24 December")]),
        (
            "haystack",
            [("When do I get my money", "Costs are paid back"), ("New Year's Day", "closed from 24 December")],
        ),
        ("hybrid", _HYBRID),
        ("langchain_hybrid", _HYBRID),
        ("llamaindex_hybrid", _HYBRID),
        ("haystack_hybrid", _HYBRID),
        ("qdrant", _HYBRID),
    ],
)
def test_pages_hold_the_right_answers(name: str, pairs: list[tuple[str, str]]) -> None:
    printed = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8").partition("It prints:")[2]
    for first, then in pairs:
        assert 0 <= printed.index(first) < printed.index(then, printed.index(first))


@pytest.mark.timeout(150)
def test_demo_answers_rightly() -> None:
    command = [sys.executable, str(ROOT / "examples" / "demo.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=140, check=False)
    assert done.returncode == 0, done.stderr
    for answer in (
        "subprocess.run",
        "tempfile.TemporaryDirectory",
        "difflib.Differ",
        "functools",
        "most_common",
    ):
        assert answer in done.stdout
