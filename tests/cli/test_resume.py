"""A run of ``rapidembed embed`` that was interrupted, killed, or came upon a bad record goes on, and loses nothing."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from rapidembed.cli.embedding import partial
from rapidembed.tasks.image import steps

from tests.cli.conftest import TINY, Run

# A process of its own, which commits after every chunk, and dies at the step that its first argument names, if it does:
# steps are what a process does to files, as Python's audit hooks see it.
_SCRIPT = """
import os, sys
from rapidembed.cli import main
from rapidembed.cli.embedding import job

fatal, steps = int(sys.argv[1]), 0
job._SECONDS_BETWEEN_COMMITS = -1.0

def watch(event, arguments):
    global steps
    if event in ("open", "os.rename", "os.remove", "os.rmdir", "os.truncate", "os.mkdir", "shutil.rmtree"):
        if any(".partial" in str(argument) for argument in arguments):
            steps += 1
            if steps == fatal:
                os._exit(9)

sys.addaudithook(watch)
sys.argv = ["rapidembed", *sys.argv[2:]]
try:
    main()
finally:
    if fatal == 0:
        print(steps)
"""
OUTPUTS = {
    "npy": ("out.npy", "--ids", "ids.txt", "--truncated-ids", "cut.txt"),
    "jsonl": ("out.jsonl", "--with-text"),
    "parquet": ("out.parquet", "--with-text"),
}


def command(fatal: int, output: str) -> list[str]:
    options = ["-m", str(TINY), "--batch-size", "16", "--max-tokens", "8", "lines.txt", "-o", *OUTPUTS[output]]
    return [sys.executable, "-c", _SCRIPT, str(fatal), "embed", *options]


def results(folder: Path) -> dict[str, bytes]:
    """Everything that a run made."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.name != "lines.txt"}


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    draw = random.Random(7)
    words = ["the", "lazy", "dog", "jumps", "over", "hello", "world", "ü"]
    texts = [" ".join(draw.choices(words, k=draw.randint(0, 12))) for _ in range(100)]
    (tmp_path / "lines.txt").write_text("\n".join(texts), encoding="utf-8")
    return tmp_path


def uninterrupted(folder: Path, output: str) -> tuple[dict[str, bytes], int]:
    """What a run makes that nobody disturbs, and its steps. The folder is as before."""
    done = subprocess.run(command(0, output), cwd=folder, capture_output=True, text=True, check=True, timeout=60)
    expected = results(folder)
    for name in expected:
        (folder / name).unlink()
    return expected, int(done.stdout)


MORE = [pytest.param(seed, 5, marks=pytest.mark.slow) for seed in (1, 2)]
MORE_OF_ALL = [pytest.param(output, *each.values, marks=each.marks) for each in MORE for output in OUTPUTS]


@pytest.mark.parametrize(("output", "seed", "kills"), [("npy", 0, 2), ("jsonl", 0, 1), ("parquet", 0, 1), *MORE_OF_ALL])
def test_killed_again_and_again_at_random_steps(lines: Path, output: str, seed: int, kills: int) -> None:
    draw = random.Random(seed)
    expected, steps = uninterrupted(lines, output)
    assert steps > 20
    for _ in range(kills):  # each goes on where the one before it died
        killed = subprocess.run(command(draw.randint(1, steps // 3), output), cwd=lines, timeout=60, check=False)
        assert killed.returncode == 9
        assert not set(expected) & set(results(lines)) or (lines / f"{OUTPUTS[output][0]}.partial").exists()
    subprocess.run(command(0, output), cwd=lines, check=True, timeout=60, capture_output=True)
    assert results(lines) == expected
    assert sorted(path.name for path in lines.iterdir()) == sorted([*expected, "lines.txt"])


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("output", list(OUTPUTS))
def test_killed_at_every_step(lines: Path, output: str) -> None:
    expected, steps = uninterrupted(lines, output)
    for fatal in range(1, steps + 1):
        subprocess.run(command(fatal, output), cwd=lines, timeout=60, check=False)
        again = subprocess.run(command(0, output), cwd=lines, timeout=60, check=False, capture_output=True, text=True)
        if again.returncode != 0:  # it died after its last file was in place
            assert "exists. --overwrite replaces it" in again.stderr
        assert results(lines) == expected, fatal
        for name in expected:
            (lines / name).unlink()


def test_pictures_go_on_by_their_paths(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is lost, and no picture is opened twice."""
    from PIL import Image

    monkeypatch.setattr("rapidembed.cli.embedding.job._MOST_PICTURES", 2)
    names = [f"album/{number}.png" for number in range(6)]
    Path("album").mkdir()
    for shade, name in enumerate(names):
        Image.new("RGB", (20, 20), (40 * shade, 90, 200)).save(name)
    whole = ["embed", "album", "-o", "whole.npy", "--ids", "whole.txt"]
    assert run(*whole).exit_code == 0
    good = Path(names[4]).read_bytes()
    Path(names[4]).write_bytes(b"<html>")
    arguments = ["embed", "album", "-o", "album.npy", "--ids", "album.txt"]
    failed = run(*arguments)
    assert failed.exit_code == 1
    assert f"({names[4]}) is no picture" in failed.stderr
    assert "4 pictures are done and kept" in failed.stderr
    Path(names[4]).write_bytes(good)
    opened = []
    read = steps.read_picture
    monkeypatch.setattr(steps, "read_picture", lambda value, *rest: (opened.append(value), read(value, *rest))[1])
    resumed = run(*arguments)
    assert resumed.exit_code == 0
    assert "Going on after the 4 pictures that are done." in resumed.stderr
    assert [Path(name).as_posix() for name in opened] == names[4:]
    np.testing.assert_array_equal(np.load("album.npy"), np.load("whole.npy"))
    assert Path("album.txt").read_text().split() == names


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(("seed", "kills"), [(0, 2), *MORE])
def test_killed_at_random_moments(tmp_path: Path, seed: int, kills: int) -> None:
    """SIGKILL from outside, with the real interval between commits."""
    draw = random.Random(seed)
    folder = tmp_path
    (folder / "lines.txt").write_text("".join(f"text number {n} jumps over the lazy dog\n" for n in range(8_000)))
    program = [sys.executable, "-m", "rapidembed", "embed", "-q", "-m", str(TINY), "lines.txt"]
    output = ["-o", "out.npy", "--ids", "ids.txt"]
    subprocess.run([*program, *output], cwd=folder, check=True, timeout=100)
    expected = results(folder)
    for name in expected:
        (folder / name).unlink()
    for _ in range(kills):
        process = subprocess.Popen([*program, *output], cwd=folder)
        time.sleep(draw.uniform(0.2, 2))
        process.kill()
        if process.wait() == 0 or (folder / "out.npy").exists():  # complete, though killed before it could say so
            break
    else:
        subprocess.run([*program, *output], cwd=folder, check=True, timeout=100)
    assert results(folder) == expected


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_interrupted_by_the_keyboard(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    program = [sys.executable, "-m", "rapidembed", "embed", "-m", str(TINY), "--batch-size", "16", "-o", "out.npy"]
    process = subprocess.Popen(
        program,
        cwd=tmp_path,
        stdin=reader,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # whatever the tests were started with
    )
    lines = "".join(f"text {n}\n" for n in range(2000)).encode()
    os.write(writer, lines)
    _wait_for(tmp_path / "out.npy.partial" / "vectors.npy")
    process.send_signal(signal.SIGINT)
    started = time.monotonic()
    _, messages = process.communicate(timeout=30)
    assert time.monotonic() - started < 5
    os.close(writer)
    assert process.returncode == 130
    assert "Traceback" not in messages
    assert "The same command goes on from there; --overwrite starts over." in messages
    done = json.loads((tmp_path / "out.npy.partial" / "journal.json").read_text())["progress"]["texts"]
    assert f"Interrupted after {done:,} texts." in messages
    assert 0 < done <= 2000
    again = subprocess.run(program, cwd=tmp_path, input=lines, capture_output=True, check=True, timeout=60)
    assert f"Going on after the {done:,} texts that are done." in again.stderr.decode()
    assert np.load(tmp_path / "out.npy").shape == (2000, 32)


def _wait_for(spool: Path) -> None:
    deadline = time.monotonic() + 30
    while not (spool.exists() and spool.stat().st_size > 128):
        assert time.monotonic() < deadline
        time.sleep(0.01)


# A run that ends early, in this process


@pytest.fixture
def stopped(run: Run) -> str:
    """A file whose line 40 is bad, and a run that came upon it."""
    texts = [json.dumps({"id": n, "text": f"text {n}"}) for n in range(100)]
    Path("good.jsonl").write_text("\n".join(texts))
    Path("bad.jsonl").write_text("\n".join([*texts[:39], "bad", *texts[40:]]))
    result = run("embed", "bad.jsonl", "-o", "out.jsonl", "--batch-size", "16")
    assert result.exit_code == 1
    assert "bad.jsonl: line 40 is not JSON" in result.stderr
    assert "32 texts are done and kept. The same command goes on from there." in result.stderr
    assert not Path("out.jsonl").exists()
    return "bad.jsonl"


def ids(path: str) -> list[int]:
    return [json.loads(line)["id"] for line in Path(path).read_text().splitlines()]


def test_a_bad_record_can_be_mended(run: Run, stopped: str) -> None:
    Path(stopped).write_text(Path("good.jsonl").read_text())
    result = run("embed", stopped, "-o", "out.jsonl", "--batch-size", "16")
    assert result.exit_code == 0
    assert "Going on after the 32 texts" in result.stderr
    assert ids("out.jsonl") == list(range(100))
    run("embed", "good.jsonl", "-o", "whole.jsonl", "--batch-size", "16")
    assert Path("out.jsonl").read_bytes() == Path("whole.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--dimensions", "8"), "dimensions was 32, is 8"),
        (("--query",), "role was 'document', is 'query'"),
        (("--with-text",), "with_text was False, is True"),
        (("--max-tokens", "5"), "max_tokens was "),
        (("--normalize",), "normalize was False, is True"),
    ],
)
def test_other_options_are_refused(run: Run, stopped: str, options: tuple[str, ...], words: str) -> None:
    result = run("embed", stopped, "-o", "out.jsonl", "--batch-size", "16", *options)
    assert result.exit_code == 1
    assert words in result.stderr
    assert "--overwrite to start over" in result.stderr
    result = run("embed", "good.jsonl", "-o", "out.jsonl", "--batch-size", "16", "--overwrite", *options)
    assert result.exit_code == 0
    assert ids("out.jsonl") == list(range(100))


@pytest.mark.parametrize("line", [0, 31])
def test_other_input_is_refused(run: Run, stopped: str, line: int) -> None:
    texts = Path("good.jsonl").read_text().splitlines()
    texts[line] = texts[line].replace("text ", "other ")
    Path(stopped).write_text("\n".join(texts))
    result = run("embed", stopped, "-o", "out.jsonl", "--batch-size", "16")
    assert result.exit_code == 1
    assert "The input changed: its first 32 texts are not those" in result.stderr
    Path(stopped).write_text("\n".join(texts[:10]))
    assert "The input changed" in run("embed", stopped, "-o", "out.jsonl", "--batch-size", "16").stderr


def test_another_model_is_refused(run: Run, stopped: str, minilm: str) -> None:
    result = run("embed", "good.jsonl", "-o", "out.jsonl", "--batch-size", "16", "-m", minilm)
    assert "model was " in result.stderr
    assert "fingerprint was " in result.stderr


def test_overwriting_can_be_interrupted_too(run: Run, stopped: str) -> None:
    Path("out.jsonl").write_text("old")
    result = run("embed", stopped, "-o", "out.jsonl", "--batch-size", "16", "--overwrite")
    assert "The same command without --overwrite goes on from there." in result.stderr
    assert Path("out.jsonl").read_text() == "old"
    Path(stopped).write_text(Path("good.jsonl").read_text())
    assert run("embed", stopped, "-o", "out.jsonl", "--batch-size", "16").exit_code == 0
    assert ids("out.jsonl") == list(range(100))


def test_two_at_a_time_are_refused(run: Run, tmp_path: Path) -> None:
    with partial.Partial([tmp_path / "out.npy"], overwrite=False):
        result = run("embed", "--text", "x", "-o", "out.npy")
        assert result.exit_code == 1
        assert "Another process is writing out.npy" in result.stderr
    assert run("embed", "--text", "x", "-o", "out.npy").exit_code == 0


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("{", "journal.json is damaged"),
        ("[]", "journal.json is damaged"),
        ('{"version": 99}', "was written by another version of rapidembed"),
    ],
)
def test_a_damaged_journal_is_named(run: Run, stopped: str, damage: str, words: str) -> None:
    Path("out.jsonl.partial/journal.json").write_text(damage)
    result = run("embed", stopped, "-o", "out.jsonl", "--batch-size", "16")
    assert result.exit_code == 1
    assert words in result.stderr
    assert run("embed", "good.jsonl", "-o", "out.jsonl", "--overwrite").exit_code == 0


def test_lost_rows_are_noticed(run: Run, stopped: str) -> None:
    os.truncate("out.jsonl.partial/rows.jsonl", 10)
    result = run("embed", stopped, "-o", "out.jsonl", "--batch-size", "16")
    assert result.exit_code == 1
    assert "rows.jsonl is shorter than its journal says" in result.stderr


def test_a_folder_of_somebody_else_is_left_alone(run: Run) -> None:
    Path("out.npy.partial").mkdir()
    Path("out.npy.partial/thesis.txt").write_text("mine")
    for options in ((), ("--overwrite",)):
        result = run("embed", "--text", "x", "-o", "out.npy", *options)
        assert result.exit_code == 1
        assert "is not the folder of an unfinished run" in result.stderr
    assert Path("out.npy.partial/thesis.txt").read_text() == "mine"


def test_a_growing_input_goes_on(run: Run, stopped: str) -> None:
    good = Path("good.jsonl").read_text()
    Path(stopped).write_text(good + '\n{"id": 100, "text": "new"}')
    assert run("embed", stopped, "-o", "out.jsonl", "--batch-size", "16").exit_code == 0
    assert ids("out.jsonl") == list(range(101))
