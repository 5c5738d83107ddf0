"""The command line, run in this process or as a program of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from rapidembed.cli.app import cli

TINY = Path(__file__).parents[1] / "golden" / "base"

Run = Callable[..., Result]
Program = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in this process, in a folder of its own, with the tiny model as the default."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAPIDEMBED_MODEL", str(TINY))

    def run(*args: str | Path, **options: object) -> Result:
        return CliRunner().invoke(cli, list(map(str, args)), **options)

    return run


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """Run a command as a program."""

    def run(*args: str | Path, environment: dict[str, str] | None = None, **options: object) -> object:
        command = [sys.executable, "-m", "rapidembed", *map(str, args)]
        options = {"capture_output": True, "text": True, "timeout": 100, "cwd": tmp_path, **options}
        environment = {**os.environ, "RAPIDEMBED_MODEL": str(TINY), **(environment or {})}
        return subprocess.run(command, env=environment, check=False, **options)

    return run
