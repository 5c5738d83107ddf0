"""What all commands share: help, exit codes, errors, streams, colours, lazy imports."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
import rapidembed
from rapidembed.cli import app, console

from tests.cli.conftest import TINY, Program, Run

CORE = Path(rapidembed.__file__).parent
HEAVY = ("numpy", "onnxruntime", "onnx", "tokenizers", "huggingface_hub", "safetensors", "tqdm", "asyncio")


def commands() -> list[tuple[str, ...]]:
    """Every command and subcommand as words."""
    context = click.Context(app.cli)
    found: list[tuple[str, ...]] = []
    for name in app.cli.list_commands(context):
        command = app.cli.get_command(context, name)
        found.append((name,))
        if isinstance(command, click.Group):
            found += [(name, sub) for sub in command.commands]
    return found


@pytest.mark.parametrize("words", commands(), ids=" ".join)
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_teaches(run: Run, words: tuple[str, ...], option: str) -> None:
    result = run(*words, option)
    assert result.exit_code == 0
    assert f"Usage: cli {' '.join(words)}" in result.output
    assert f"Examples:\n    rapidembed {words[0]}" in result.output or "Examples:\n    echo" in result.output


def test_list_of_commands_says_what_they_say(run: Run) -> None:
    listed = run("--help").output
    for name, (_, line) in app.COMMANDS.items():
        command = app.cli.get_command(click.Context(app.cli), name)
        assert f"{name}  " in listed
        assert line in listed
        assert command.help.startswith(line)


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; sys.argv = ['rapidembed', *sys.argv[1:]]\n"
        "import rapidembed.cli\n"
        "try: rapidembed.cli.main()\n"
        f"except SystemExit: print('loaded', *[name for name in {HEAVY} if name in sys.modules])"
    )
    for words in ((), *commands()):
        command = [sys.executable, "-c", script, *words, "--help"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "loaded", words


def test_nothing_below_imports_the_command_line() -> None:
    for path in CORE.rglob("*.py"):
        if "cli" not in path.parts and path.name != "__main__.py":
            assert "rapidembed.cli" not in path.read_text(encoding="utf-8"), path


def test_version(program: Program) -> None:
    assert program("--version").stdout == f"rapidembed {rapidembed.__version__}\n"


def test_wrong_usage_is_2(run: Run) -> None:
    for words in (("nothing",), ("embed", "--nothing"), ("models", "--dim", "0"), ("pull",)):
        result = run(*words)
        assert result.exit_code == 2
        assert result.stdout == ""
        assert "Error: " in result.stderr


def test_errors_have_no_traceback(program: Program) -> None:
    done = program("embed", "--text", "x", "--model", "no such model")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("Error: No model 'no such model'")
    assert "Traceback" not in done.stderr


def test_debug_shows_the_traceback(program: Program) -> None:
    done = program("embed", "--text", "x", "--model", "no such model", "--debug")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "ModelNotFoundError" in done.stderr


def test_bugs_say_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: object) -> None:
        raise KeyError("surprise")

    monkeypatch.setattr("rapidembed.cli.embedding.job.Job.run", fail)
    result = run("embed", "--text", "x")
    assert result.exit_code == 1
    assert "KeyError: 'surprise'" in result.stderr
    assert "--debug shows where" in result.stderr


def test_a_missing_package_leads_to_the_doctor(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rapidembed.cli.embedding.job", None)
    result = run("embed", "--text", "x")
    assert result.exit_code == 1
    assert "says: rapidembed doctor" in result.stderr


def test_interrupted_is_130(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(self: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rapidembed.cli.embedding.job.Job.run", interrupt)
    result = run("embed", "--text", "x")
    assert result.exit_code == 130
    assert result.stderr == "Warning: Interrupted.\n"


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of a shell")
def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    embed = f"{sys.executable} -m rapidembed embed -m {TINY}"
    command = f"seq 1 5000 | {embed} 2>err | head -n 1; echo ${{PIPESTATUS[1]}}; cat err"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
    first, status, *messages = done.stdout.splitlines()
    assert first.startswith('{"id": 1, "embedding": [')
    assert status == "141"
    assert messages == []


def test_colours_only_on_terminals_that_want_them(capsys: pytest.CaptureFixture[str]) -> None:
    with click.Context(app.cli, color=True) as context:
        console.set_up(context)
        console.warn("careful")
        assert "\x1b[" in capsys.readouterr().err
    with pytest.MonkeyPatch.context() as patch, click.Context(app.cli, color=True) as context:
        patch.setenv("NO_COLOR", "1")
        console.set_up(context)
        console.warn("careful")
        assert capsys.readouterr().err == "Warning: careful\n"


def test_log_messages_and_warnings_are_plain_and_go_back_to_normal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import logging
    import warnings

    def complain(self: object) -> None:
        logging.getLogger("rapidembed.graph").warning("%d things", 2)
        logging.getLogger("rapidembed.graph").debug("details")
        warnings.warn("look out", UserWarning, stacklevel=1)

    monkeypatch.setattr("rapidembed.cli.embedding.job.Job.run", complain)
    logger = logging.getLogger("rapidembed")
    before = list(logger.handlers), logger.propagate, logger.level, warnings.showwarning
    assert run("embed", "--text", "x").stderr == "Warning: 2 things\nWarning: look out\n"
    assert "debug: details\n" in run("embed", "--text", "x", "--debug").stderr
    assert (list(logger.handlers), logger.propagate, logger.level, warnings.showwarning) == before


def test_tables(capsys: pytest.CaptureFixture[str]) -> None:
    console.table(["NAME", "SIZE"], [["a", "1"], ["bcdef", "1000"]], right=(1,))
    assert capsys.readouterr().out == "NAME   SIZE\na         1\nbcdef  1000\n"
    console.facts([("a", "1"), ("long", "x\ny")], indent=1)
    assert capsys.readouterr().out == " a     1\n long  x\n       y\n"


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (90_868_376, "90.9 MB"), (2.2e12, "2.2 TB")]
)
def test_sizes(count: float, shown: str) -> None:
    assert console.size(count) == shown


def test_entry_point_is_declared() -> None:
    import tomllib

    project = tomllib.loads((CORE.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["scripts"] == {"rapidembed": "rapidembed.cli:main"}
    assert callable(rapidembed.cli.main)


def test_paths_in_errors(run: Run) -> None:
    result = run("embed", "--text", "x", "-o", Path("nowhere") / "x.npy")
    assert result.exit_code == 1
    assert f"{os.sep}nowhere does not exist" in result.stderr
