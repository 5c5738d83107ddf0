"""Every example runs as it is."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(name: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_langchain_retriever() -> None:
    output = run("langchain_retriever.py")
    assert output.index("Travel expenses are paid back") < output.index("Question: When do I get my money back?")
    assert output.index("closed from 24 December") < output.index("Question: Is the office open")


@pytest.mark.timeout(150)
def test_demo_answers_rightly() -> None:
    output = run("demo.py")
    for answer in (
        "subprocess.run",
        "tempfile.TemporaryDirectory",
        "difflib.get_close_matches",
        "functools",
        "most_common",
    ):
        assert answer in output
