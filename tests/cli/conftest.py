"""The command line, run in this process or as a program of its own."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from rapidembed.cli.app import cli
from safetensors.numpy import save_file

from tests.fakes.hub import FakeHub

TINY = Path(__file__).parents[1] / "golden" / "base"
NAME = "BAAI/bge-small-en-v1.5"

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
    """Run a command as a program, in a folder of its own."""
    return partial(run_program, cwd=tmp_path)


def run_program(*args: str | Path, environment: dict[str, str] | None = None, **options: object) -> Any:
    """Run a command as a program."""
    command = [sys.executable, "-m", "rapidembed", *map(str, args)]
    options = {"capture_output": True, "text": True, "timeout": 100, **options}
    environment = {**os.environ, "RAPIDEMBED_MODEL": str(TINY), **(environment or {})}
    return subprocess.run(command, env=environment, check=False, **options)


@pytest.fixture(scope="module")
def curated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files for a repository of a curated name: the tiny model, and a Dense layer that gives it 384 dimensions."""
    folder = tmp_path_factory.mktemp("hub") / "model"
    shutil.copytree(TINY, folder)
    modules = json.loads((folder / "modules.json").read_text())
    kind = modules[1]["type"].rsplit(".", 2)[0]
    dense = {"idx": len(modules), "name": str(len(modules)), "path": "2_Dense", "type": f"{kind}.Dense"}
    (folder / "modules.json").write_text(json.dumps([*modules[:2], dense]))
    (folder / "2_Dense").mkdir()
    config = {"in_features": 32, "out_features": 384, "bias": False, "activation_function": "torch.nn.Identity"}
    (folder / "2_Dense" / "config.json").write_text(json.dumps(config))
    weight = np.random.default_rng(0).normal(size=(384, 32)).astype(np.float32)
    save_file({"linear.weight": weight}, folder / "2_Dense" / "model.safetensors")
    return folder


def environment(hub: FakeHub, cache: Path) -> dict[str, str]:
    """Variables of a program that asks ``hub`` and downloads to ``cache``."""
    return {"HF_ENDPOINT": hub.url, "HF_HUB_CACHE": str(cache), "HF_HUB_DISABLE_XET": "1"}
