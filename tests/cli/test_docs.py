"""The generated parts of the documentation are what the commands and the registry say now."""

import os
import re
import subprocess
import sys
from importlib import util
from pathlib import Path

import click
import pytest
from rapidembed import TextEmbedding
from rapidembed.cli.app import COMMANDS, cli

DOCS = Path(__file__).parents[2] / "docs"

_spec = util.spec_from_file_location("docs_build", DOCS / "build.py")
build = util.module_from_spec(_spec)
_spec.loader.exec_module(build)


@pytest.mark.parametrize("name", list(build.BLOCKS))
def test_generated_parts_are_fresh(name: str) -> None:
    assert (DOCS / f"{name}.md").read_text(encoding="utf-8") == build.with_block(name), "run: python docs/build.py"


def test_the_table_has_every_curated_model() -> None:
    page = (DOCS / "models.md").read_text(encoding="utf-8")
    table = page.partition("### `TextEmbedding`")[2].partition("###")[0]
    for model in TextEmbedding.list_supported_models():
        (row,) = re.findall(rf"^\| {re.escape(model['model'])} \| .*$", table, re.MULTILINE)
        assert f"| {model['dim']} |" in row
        assert model["license"] in row


def completion(**variables: str) -> str:
    """Output of the program under the name that completion goes by."""
    script = "import sys; sys.argv = ['rapidembed']; from rapidembed.cli import main; main()"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=False)
    return done.stdout


def test_completion() -> None:
    for shell in ("bash", "zsh", "fish"):
        assert "_RAPIDEMBED_COMPLETE" in completion(_RAPIDEMBED_COMPLETE=f"{shell}_source")
    typed = {"COMP_WORDS": "rapidembed embed --id", "COMP_CWORD": "2"}
    offered = completion(_RAPIDEMBED_COMPLETE="bash_complete", **typed)
    assert sorted(offered.split()) == ["plain,--id-column", "plain,--ids"]


@pytest.mark.parametrize("page", ["cli", "air-gapped", "serverless", "models"])
def test_commands_in_the_pages_exist(page: str) -> None:
    """Every ``rapidembed NAME`` and every ``--option`` beside one is real."""
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    for line in re.findall(
        r"(?<![\w./])rapidembed ([a-z]+\b[^`\n]*)", re.sub(r"```python.*?```", "", text, flags=re.S)
    ):
        name, *words = line.split()
        if name not in COMMANDS:
            continue
        command = cli.get_command(click.Context(cli), name)
        if isinstance(command, click.Group) and words and words[0] in command.commands:
            command = command.commands[words[0]]
        known = {option for param in command.params for option in (*param.opts, *param.secondary_opts)}
        assert {word for word in words if word.startswith("--")} <= known | {"--help"}, line
