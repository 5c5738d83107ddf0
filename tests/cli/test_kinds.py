"""``rapidembed embed``: files that are easily taken for something else are read as they are meant, or refused."""

import codecs
import gzip
import json
import os
import select
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from click.testing import Result

from tests.cli.conftest import TINY, Program, Run


def read(result: Result) -> list[tuple[object, str]]:
    """Ids and texts of an ``embed --with-text``."""
    assert result.exit_code == 0, result.output
    return [(row["id"], row["text"]) for row in map(json.loads, result.stdout.splitlines())]


def embed(run: Run, name: str, content: str | bytes, *options: str) -> Result:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_bytes(content.encode() if isinstance(content, str) else content)
    return run("embed", name, "--with-text", *options)


def refused(result: Result, *words: str) -> None:
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "bug" not in result.stderr
    for each in words:
        assert each in result.stderr


# JSON


def test_a_json_array(run: Run) -> None:
    content = '[\n {"id": 1, "text": "cats"},\n "dogs",\n {"text": "birds"}\n]'
    assert read(embed(run, "a.json", content)) == [(1, "cats"), ("a.json:2", "dogs"), ("a.json:3", "birds")]
    named = embed(run, "b.json", '[{"nr": "x", "body": "cats"}]', "--column", "body", "--id-column", "nr")
    assert read(named) == [("x", "cats")]
    assert read(run("embed", "-", "--format", "json", "--with-text", input='["cats"]')) == [(1, "cats")]
    assert read(embed(run, "c.json", "[]")) == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"texts": ["a"]}', "expected an array of objects or strings, got dict"),
        ('{"text": "a"}\n{"text": "b"}\n', "--format jsonl"),
        ("[1]", "record 1: expected an object or a string, got int 1"),
        ('[["a"]]', "record 1: expected an object or a string, got list"),
        ('[{"text": "a"}, {"body": "b"}]', "record 2: no text in 'text'; the record has 'body'"),
        ('[{"text": "a", "text": "b"}]', "an object has two fields 'text'"),
        ("[" * 100_000, "is not JSON"),
    ],
)
def test_other_json_is_refused(run: Run, content: str, words: str) -> None:
    refused(embed(run, "a.json", content), "a.json: ", words)


def test_json_lines_that_are_something_else(run: Run) -> None:
    refused(embed(run, "a.jsonl", '[\n"a"\n]'), "line 1 is not JSON", "--format json")
    refused(embed(run, "b.jsonl", '{"text": "a", "text": "b"}'), "line 1", "two fields 'text'")


def test_json_in_a_folder_is_settings_unless_it_is_asked_for(run: Run) -> None:
    Path("docs").mkdir()
    Path("docs/a.md").write_text("words")
    Path("docs/b.json").write_text('["more"]')
    assert read(run("embed", "docs", "--with-text")) == [("docs/a.md", "words")]
    assert read(run("embed", "docs", "--glob", "*.json", "--with-text")) == [("docs/b.json:1", "more")]


# Tables


@pytest.mark.parametrize("delimiter", [";", "\t", "|", ","])
def test_the_header_says_what_separates_columns(run: Run, delimiter: str) -> None:
    rows = [["id", "text", "what, or; which"], ["1", "hallo, Welt", "x"], ["2", 'sagt "ja"; nein\nnie', "y"]]
    lines = (delimiter.join(['"' + cell.replace('"', '""') + '"' for cell in row]) for row in rows)
    assert read(embed(run, "a.csv", "\r\n".join(lines))) == [("1", "hallo, Welt"), ("2", 'sagt "ja"; nein\nnie')]
    if delimiter != "|":
        bare = embed(run, "b.csv", f"nr{delimiter}text\n7{delimiter}hallo\n", "--id-column", "nr")
        assert read(bare) == [("7", "hallo")]


def test_a_header_that_does_not_say_it(run: Run) -> None:
    refused(embed(run, "a.csv", "id,text;note\n1,x;y\n"), "a.csv: its header holds comma and semicolon", "--delimiter")
    assert read(embed(run, "a.csv", "id,text;note\n1,x;y\n", "--delimiter", "comma")) == [("1", "x;y")]
    refused(embed(run, "b.tsv", "id;text\n1;x\n"), "b.tsv: its header holds semicolon")
    assert read(embed(run, "c.tsv", "id\ttext\tnotes, more\n1\tx\ty\n")) == [("1", "x")]


@pytest.mark.parametrize(
    ("content", "options", "name"),
    [
        ("id,text,text\n1,first,second\n", (), "text"),
        ("id;id;text\n1;2;x\n", (), "id"),
        ("a,a,text\n1,2,x\n", ("--column", "a"), "a"),
        ("a,a,text\n1,2,x\n", ("--id-column", "a"), "a"),
    ],
)
def test_two_columns_of_one_name(run: Run, content: str, options: tuple[str, ...], name: str) -> None:
    refused(embed(run, "a.csv", content, *options), f"a.csv: has 2 columns {name!r}")


def test_two_columns_that_nobody_asked_for_do_no_harm(run: Run) -> None:
    assert read(embed(run, "a.csv", "id,text,,\n1,x,,\n")) == [("1", "x")]


# Files without text, compressed ones, other encodings


def test_an_empty_file_is_named_and_no_row(run: Run) -> None:
    Path("docs").mkdir()
    for name, content in {"a.md": "words", "b.md": "", "c.txt": "\n \n", "d.md": "\ufeff", "e.csv": ""}.items():
        Path("docs", name).write_text(content, encoding="utf-8")
    result = run("embed", "docs", "--with-text")
    assert read(result) == [("docs/a.md", "words")]
    for name in ("b.md", "c.txt", "d.md", "e.csv"):
        assert f"docs/{name}: holds no text; passed over." in result.stderr


@pytest.mark.parametrize(
    ("name", "content"), [("a.txt", "one\n"), ("b.jsonl", '"one"'), ("c.json", '["one"]'), ("d.csv", "text;b\none;2\n")]
)
def test_gzip(run: Run, name: str, content: str) -> None:
    packed = gzip.compress(content.encode())
    assert read(embed(run, f"{name}.gz", packed)) == [(f"{name}.gz:1", "one")]
    kind = {"a": "text", "b": "jsonl", "c": "json", "d": "csv"}[name[0]]
    assert read(run("embed", "-", "--format", kind, "--with-text", input=packed)) == [(1, "one")]


def test_gzip_in_a_folder_and_damaged(run: Run) -> None:
    packed = gzip.compress(b"one\ntwo\n" * 1000)
    read(embed(run, "docs/a.md.gz", packed))
    assert [name for name, _ in read(run("embed", "docs", "--with-text"))] == ["docs/a.md.gz"]
    for number, damaged in enumerate((packed[:-20], packed[:10] + b"\xff" * 20 + packed[30:], packed[:-8] + b"\0" * 8)):
        result = embed(run, f"{number}.txt.gz", damaged)
        assert result.exit_code == 1
        assert f"{number}.txt.gz: damaged, cannot be unpacked by gzip" in result.stderr


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_mark_at_the_beginning_says_the_encoding(run: Run, encoding: str, packed: bool) -> None:
    content = "bär\nzwei".encode(encoding)
    name = "a.txt.gz" if packed else "a.txt"
    expected = [(f"{name}:1", "bär"), (f"{name}:2", "zwei")]
    assert read(embed(run, name, gzip.compress(content) if packed else content)) == expected
    big_endian = codecs.BOM_UTF16_BE + "bär\nzwei".encode("utf-16-be")
    assert read(embed(run, name, big_endian)) == expected


def test_bytes_that_are_no_text(run: Run) -> None:
    for name, content in {"a.txt": "hello\n".encode("utf-16-le"), "b.docx": b"PK\x03\x04\x14\0\0\0words"}.items():
        refused(embed(run, name, content), f"{name}: holds NUL bytes", "utf-16-le")
        assert embed(run, name, content, "--encoding-errors", "replace").exit_code == 1
    assert read(embed(run, "a.txt", "hello\n".encode("utf-16-le"), "--encoding", "utf-16-le")) == [("a.txt:1", "hello")]


# Streams


def test_a_closed_stdout_is_an_error_before_anything_is_loaded(tmp_path: Path) -> None:
    command = f"{sys.executable} -m rapidembed embed -t hi -m nowhere >&-"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert done.returncode == 1
    assert done.stderr == "Error: stdout is closed, so rows have nowhere to go; name a file with --output.\n"


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_file_is_written_whatever_is_closed(tmp_path: Path, closed: str) -> None:
    Path(tmp_path / "a.txt").write_text("one\n")
    command = f"{sys.executable} -m rapidembed embed -m {TINY} a.txt -o a.jsonl {closed}"
    subprocess.run(["sh", "-c", command], check=True, cwd=tmp_path, timeout=60)
    assert json.loads((tmp_path / "a.jsonl").read_text())["id"] == "a.txt:1"


def test_no_file_gets_the_number_of_a_closed_stream(tmp_path: Path) -> None:
    """Native libraries write to it, and what they say must not end in somebody's vectors."""
    script = (
        "import sys; from rapidembed.cli.app import _open_standard_streams as o; o(); print(open('x', 'w').fileno())"
    )
    command = f'{sys.executable} -c "{script}" 2>&-'
    done = subprocess.run(["sh", "-c", command], stdout=subprocess.PIPE, cwd=tmp_path, check=True, timeout=60)
    assert int(done.stdout) > 2


def test_a_closed_stdin_is_wrong_usage(tmp_path: Path) -> None:
    command = f"{sys.executable} -m rapidembed embed <&-"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert done.returncode == 2
    assert "Nothing to embed" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="select")
@pytest.mark.parametrize("options", [(), ("--batch-size", "1")])
def test_a_live_pipe(tmp_path: Path, options: tuple[str, ...]) -> None:
    """Rows come while the writer goes on: after a pause, and though there is none."""
    command = [sys.executable, "-m", "rapidembed", "embed", "-m", str(TINY), "--with-text", *options]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path)
    assert process.stdin is not None
    assert process.stdout is not None

    def row() -> str:
        assert select.select([process.stdout], [], [], 30)[0], "no row"
        return json.loads(process.stdout.readline())["text"]

    process.stdin.write(b"first\n")
    process.stdin.flush()
    assert row() == "first"  # the model is loaded
    started = time.monotonic()
    stop = threading.Event()

    def trickle() -> None:
        number = 0
        while not stop.wait(0.02):
            process.stdin.write(b"%d\n" % number)
            process.stdin.flush()
            number += 1

    writer = threading.Thread(target=trickle)
    writer.start()
    try:
        assert row() == "0"
        assert time.monotonic() - started < 20  # 512 lines, which it once waited for, and twice, would take 20 s
    finally:
        stop.set()
        writer.join()
    process.stdin.close()
    rest = [json.loads(line)["text"] for line in process.stdout]
    process.stdout.close()
    assert rest == [str(number) for number in range(1, len(rest) + 1)]
    assert process.wait(30) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_reader_that_goes_away_ends_a_live_run(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "rapidembed", "embed", "-m", str(TINY)]
    pipe = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(command, cwd=tmp_path, bufsize=0, **pipe)
    process.stdin.write(b"one\n")
    assert process.stdout.readline()
    process.stdout.close()
    process.stdin.write(b"two\n")
    assert process.wait(30) == 141  # though the writer of its input lives on
    assert process.stderr.read() == b""
    process.stdin.close()
    process.stderr.close()


def test_what_came_before_a_bad_line_of_a_pipe_is_written(program: Program) -> None:
    done = program("embed", "--format", "jsonl", "--with-text", input='"one"\n"two"\nbad\n')
    assert done.returncode == 1
    assert [json.loads(line)["text"] for line in done.stdout.splitlines()] == ["one", "two"]
    assert "line 3 is not JSON" in done.stderr


def test_a_pipe_as_fast_as_it_can_be(program: Program) -> None:
    texts = [f"text {number}" for number in range(3000)]
    done = program("embed", "--with-text", "--truncated-ids", os.devnull, input="\n".join(texts))
    assert done.returncode == 2  # needs --output
    done = program("embed", "--with-text", input="\n".join(texts))
    assert [json.loads(line)["text"] for line in done.stdout.splitlines()] == texts
