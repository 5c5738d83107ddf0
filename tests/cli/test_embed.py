"""``rapidembed embed``: what goes in, and what comes out."""

import csv
import json
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import rapidembed
from click.testing import Result
from rapidembed import TextEmbedding
from rapidembed.errors import TruncationWarning

from tests.cli.conftest import TINY, Program, Run

TEXTS = ["hello world", "the lazy dog", "", "jumps over"]


def drawing(path: str, shade: int) -> str:
    from PIL import Image

    Image.new("RGB", (40, 30), (shade, 90, 200 - shade)).save(path)
    return path


def test_pictures(run: Run) -> None:
    Path("album").mkdir()
    names = [drawing(f"album/{number}.png", 40 * number) for number in range(3)]
    expected = rapidembed.ImageEmbedding().encode(names)
    found = rows(run("embed", *names))
    assert [row["id"] for row in found] == names
    np.testing.assert_allclose([row["embedding"] for row in found], expected, atol=1e-6)
    assert run("embed", "album", "-o", "album.npy", "--ids", "album.txt").exit_code == 0
    np.testing.assert_allclose(np.load("album.npy"), expected, atol=1e-6)
    assert Path("album.txt").read_text().split() == names
    (Path("album") / "bad.jpg").write_bytes(b"<html>")
    failed = run("embed", "album")
    assert failed.exit_code == 1
    assert "bad.jpg) is no picture" in failed.stderr


def test_pictures_and_texts_do_not_mix(run: Run) -> None:
    name = drawing("one.png", 5)
    assert "in two runs" in run("embed", name, "--text", "x").stderr
    assert "--max-tokens is for texts" in run("embed", name, "--max-tokens", "7").stderr


@pytest.fixture(scope="module")
def model() -> TextEmbedding:
    return TextEmbedding(str(TINY))


def rows(result: Result) -> list[dict[str, object]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def read(result: Result) -> list[tuple[object, str]]:
    """Ids and texts of an ``embed --with-text``."""
    return [(row["id"], row["text"]) for row in rows(result)]


def write(path: str, content: str | bytes) -> str:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def equal(found: Sequence[dict[str, object]], expected: np.ndarray) -> None:
    np.testing.assert_array_equal(np.array([row["embedding"] for row in found], dtype=np.float32), expected)


# Where texts come from


def test_stdin_is_a_text_per_line(run: Run, model: TextEmbedding) -> None:
    found = rows(run("embed", input="hello world\nthe lazy dog\n\njumps over"))
    assert [row["id"] for row in found] == [1, 2, 3, 4]
    equal(found, model.encode_document(TEXTS))


def test_texts_on_the_command_line(run: Run, model: TextEmbedding) -> None:
    found = rows(run("embed", "--text", "hello world", "-t", "the lazy dog"))
    assert list(found[0]) == ["id", "embedding"]
    equal(found, model.encode_document(TEXTS[:2]))


def test_a_file_is_a_text_per_line_a_folder_a_text_per_file(run: Run) -> None:
    write("docs/b.md", "two\nlines\n")
    write("docs/a.txt", "one")
    write("docs/deep/c.rst", "three")
    write("docs/.hidden/d.txt", "no")
    write("docs/.e.txt", "no")
    write("docs/picture.png", b"\x89PNG")
    result = run("embed", "docs", "--with-text")
    assert read(result) == [("docs/a.txt", "one"), ("docs/b.md", "two\nlines\n"), ("docs/deep/c.rst", "three")]
    assert result.stderr == "Warning: docs: passed over 1 files that are not known as text (1 .png).\n"
    assert read(run("embed", "docs/b.md", "--with-text")) == [("docs/b.md:1", "two"), ("docs/b.md:2", "lines")]
    assert read(run("embed", "docs/b.md", "--with-text", "--per", "file")) == [("docs/b.md", "two\nlines\n")]
    assert len(rows(run("embed", "docs", "--per", "line"))) == 4


def test_patterns_choose_files_of_any_name(run: Run) -> None:
    write("src/a.py", "code")
    write("src/a.txt", "text")
    assert read(run("embed", "src", "--glob", "*.py", "--with-text")) == [("src/a.py", "code")]
    result = run("embed", "src", "--glob", "*.c")
    assert result.exit_code == 2
    assert "holds no file to read (looked for *.c)" in result.stderr


def test_several_inputs_in_their_order(run: Run) -> None:
    write("a.txt", "one\n")
    write("b.jsonl", '{"text": "two"}\n')
    result = run("embed", "b.jsonl", "-", "a.txt", "--text", "zero", "--with-text", input="three")
    assert read(result) == [(1, "zero"), ("b.jsonl:1", "two"), (1, "three"), ("a.txt:1", "one")]


def test_json_lines(run: Run) -> None:
    write("a.jsonl", '{"id": 7, "text": "one"}\n\n"two"\n{"text": "drei ü", "id": "x"}\n{"text": "four"}\n')
    expected = [(7, "one"), ("a.jsonl:3", "two"), ("x", "drei ü"), ("a.jsonl:5", "four")]
    assert read(run("embed", "a.jsonl", "--with-text")) == expected
    write("b.ndjson", '{"nr": 1, "body": "one"}')
    assert read(run("embed", "b.ndjson", "--column", "body", "--id-column", "nr", "--with-text")) == [(1, "one")]


def test_csv_and_tsv(run: Run) -> None:
    with open("a.csv", "w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file).writerows([["id", "text"], ["a", 'two\r\nlines, "quoted"'], [], ["b", ""]])
    assert read(run("embed", "a.csv", "--with-text")) == [("a", 'two\r\nlines, "quoted"'), ("b", "")]
    write("b.tsv", "only\none\ttwo\n".replace("\ttwo", ""))
    assert read(run("embed", "b.tsv", "--with-text")) == [("b.tsv:1", "one")]
    write("c.csv", "body,id\none,1\n")
    assert read(run("embed", "c.csv", "--with-text")) == [("1", "one")]
    assert read(run("embed", "-", "--format", "csv", "--with-text", input="text,id\none,1")) == [("1", "one")]


def test_parquet(run: Run) -> None:
    table = pyarrow.table({"nr": [3, 4], "other": [None, None], "body": ["one", "two"]})
    pyarrow.parquet.write_table(table, "a.parquet")
    result = run("embed", "a.parquet", "--column", "body", "--id-column", "nr", "--with-text")
    assert read(result) == [(3, "one"), (4, "two")]
    assert read(run("embed", "a.parquet", "--column", "body", "--with-text"))[1] == ("a.parquet:2", "two")


def test_records_without_a_text(run: Run) -> None:
    write("a.jsonl", '{"text": "one"}\n{"text": null}\n{"id": 3}\n{"text": "four"}\n')
    result = run("embed", "a.jsonl")
    assert result.exit_code == 1
    assert "a.jsonl: line 2: no text in 'text'; the record has 'text'" in result.stderr
    assert [text for _, text in read(run("embed", "a.jsonl", "--missing", "skip", "--with-text"))] == ["one", "four"]
    assert [t for _, t in read(run("embed", "a.jsonl", "--missing", "empty", "--with-text"))] == ["one", "", "", "four"]


def test_blank_texts_stay_unless_they_are_not_wanted(run: Run) -> None:
    assert len(rows(run("embed", input="one\n \n\ntwo"))) == 4
    assert read(run("embed", "--skip-blank", "--with-text", input="one\n \n\ntwo")) == [(1, "one"), (4, "two")]


@pytest.mark.parametrize(
    ("name", "content", "options", "words"),
    [
        ("a.jsonl", '{"text": "x"}\nnot json\n', (), "a.jsonl: line 2 is not JSON: Expecting value"),
        (
            "a.jsonl",
            "[1]\n",
            (),
            "line 1: expected an object or a string, got list. A file that is one array is read with --format json",
        ),
        ("a.jsonl", '{"text": 5}', (), "a.jsonl: line 1: 'text' must be a string, got int 5"),
        ("a.jsonl", '{"text": "x", "id": 1.5}', (), "line 1: 'id' must be a string or integer, got float 1.5"),
        ("a.jsonl", '{"a": "x", "b": 1}', (), "no text in 'text'; the record has 'a', 'b'. --column names"),
        ("a.jsonl", '{"text": "x"}', ("--id-column", "nr"), "'nr' must be a string or integer, got null"),
        ("a.csv", "a,b\n1,2\n", (), "a.csv: has no column 'text'; --column names one of 'a', 'b'"),
        ("a.csv", "text,b\n1,2,3\n", (), "a.csv: line 2 has 3 fields, the header 2"),
        ("a.csv", "text,b\n1\n", ("--id-column", "b"), "record 1: 'b' must be a string or integer, got null"),
        ("a.csv", 'text\n"x"y\n', (), "a.csv: line 2: "),
        ("a.csv", "text\nx\n", ("--id-column", "nr"), "has no column 'nr' (--id-column); it has 'text'"),
        ("a.txt", b"good\nb\xe4d\n", (), "bytes that are not utf-8 soon at its beginning (invalid continuation byte)"),
        ("a.parquet", b"PAR1 no", (), "a.parquet: not a Parquet file"),
    ],
)
def test_bad_records_are_named(run: Run, name: str, content: str | bytes, options: tuple[str, ...], words: str) -> None:
    write(name, content)
    result = run("embed", name, *options)
    assert result.exit_code == 1
    assert words in result.stderr
    assert "bug" not in result.stderr


def test_what_came_before_a_bad_record_is_written(run: Run) -> None:
    write("a.jsonl", '"one"\n' * 20 + "bad")
    result = run("embed", "a.jsonl", "--batch-size", "8")
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == 16


def test_encodings(run: Run) -> None:
    write("a.txt", "bär".encode("latin-1"))
    assert read(run("embed", "a.txt", "--encoding", "latin-1", "--with-text")) == [("a.txt:1", "bär")]
    assert read(run("embed", "a.txt", "--encoding-errors", "replace", "--with-text")) == [("a.txt:1", "b�r")]
    write("b.txt", b"\xef\xbb\xbfone\r\ntwo\r\n")
    assert read(run("embed", "b.txt", "--with-text")) == [("b.txt:1", "one"), ("b.txt:2", "two")]


def test_an_encoding_that_does_not_exist(run: Run) -> None:
    result = run("embed", "--encoding", "utf-9", input="x")
    assert result.exit_code == 2
    assert "unknown encoding: utf-9" in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes")
def test_a_named_pipe(run: Run) -> None:
    os.mkfifo("pipe")
    writer = threading.Thread(target=lambda: Path("pipe").write_text("one\ntwo\n"))
    writer.start()
    assert read(run("embed", "pipe", "--with-text")) == [("pipe:1", "one"), ("pipe:2", "two")]
    writer.join()


def test_half_characters_do_not_end_a_run(run: Run) -> None:
    write("a.jsonl", '{"id": "\\ud800", "text": "half \\udc00"}\n')
    result = run("embed", "a.jsonl", "-o", "out.jsonl", "--with-text")
    assert result.exit_code == 0
    assert "lone surrogates" in result.stderr
    assert json.loads(Path("out.jsonl").read_text(encoding="utf-8"))["text"] == "half ?"


def test_nothing_to_embed(run: Run) -> None:
    assert run("embed", input="").stdout == ""
    result = run("embed", "-o", "x.npy", input="")
    assert result.exit_code == 0
    assert np.load("x.npy").shape == (0, 32)
    assert "0 vectors of 32 dimensions" in result.stderr
    Path("empty").mkdir()
    assert run("embed", "empty").exit_code == 2


def test_missing_input_is_wrong_usage(run: Run) -> None:
    result = run("embed", "nowhere.txt")
    assert result.exit_code == 2
    assert "nowhere.txt: no such file or folder. A text itself is given with --text" in result.stderr
    assert run("embed", "-", "-").exit_code == 2


def test_own_output_is_no_input(run: Run) -> None:
    write("docs/a.txt", "one")
    for _ in range(2):
        assert run("embed", "docs", "-o", "docs/out.jsonl", "--ids", "docs/ids.txt", "--overwrite").exit_code == 0
        assert Path("docs/ids.txt").read_text() == "docs/a.txt\n"


def test_parquet_without_pyarrow(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    write("a.parquet", b"")
    for words in (("a.parquet",), ("--text", "x", "-o", "b.parquet")):
        result = run("embed", *words)
        assert result.exit_code == 1
        assert "pip install 'rapidembed[parquet]'" in result.stderr


# Where vectors go


def test_npy(run: Run, model: TextEmbedding) -> None:
    result = run("embed", "-o", "x.npy", "--ids", "ids.txt", input="\n".join(TEXTS))
    assert result.exit_code == 0
    vectors = np.load("x.npy", mmap_mode="r")
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, model.encode_document(TEXTS))
    assert Path("ids.txt").read_text() == "1\n2\n3\n4\n"
    assert not Path("x.npy.partial").exists()
    assert result.stdout == ""
    assert result.stderr.startswith("Wrote x.npy: 4 vectors of 32 dimensions, ")
    assert run("embed", "-o", "y.npy", "--quiet", input="x").output == ""


def test_json_lines_out(run: Run, model: TextEmbedding) -> None:
    run("embed", "-o", "x.jsonl", "--with-text", input="\n".join(TEXTS))
    found = [json.loads(line) for line in Path("x.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(row["id"], row["text"]) for row in found] == list(enumerate(TEXTS, 1))
    equal(found, model.encode_document(TEXTS))


def test_parquet_out(run: Run, model: TextEmbedding) -> None:
    write("a.jsonl", '{"id": "a", "text": "hello world"}\n{"id": 2, "text": "the lazy dog"}\n')
    assert run("embed", "a.jsonl", "-o", "x.parquet", "--with-text").exit_code == 0
    table = pyarrow.parquet.read_table("x.parquet")
    assert table.schema.field("embedding").type == pyarrow.list_(pyarrow.float32(), 32)
    assert table.schema.metadata[b"fingerprint"].decode() == model.fingerprint
    assert table["id"].to_pylist() == ["a", "2"]
    assert table["text"].to_pylist() == TEXTS[:2]
    np.testing.assert_array_equal(
        np.array(table["embedding"].to_pylist(), np.float32), model.encode_document(TEXTS[:2])
    )
    assert run("embed", "-o", "y.parquet", input="x\ny").exit_code == 0
    assert pyarrow.parquet.read_table("y.parquet")["id"].to_pylist() == [1, 2]  # numbers stay numbers
    assert run("embed", "-o", "z.parquet", input="").exit_code == 0
    assert pyarrow.parquet.read_table("z.parquet").num_rows == 0


def test_many_row_groups(run: Run) -> None:
    assert run("embed", "-o", "x.parquet", input="\n".join(map(str, range(20_001)))).exit_code == 0
    assert pyarrow.parquet.ParquetFile("x.parquet").num_row_groups == 3
    assert pyarrow.parquet.read_table("x.parquet")["id"].to_pylist() == list(range(1, 20_002))


def test_roles(run: Run, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(TINY, tmp_path / "m")
    write("m/config_sentence_transformers.json", json.dumps({"prompts": {"query": "find: ", "document": "passage: "}}))
    expected = TextEmbedding("m")
    for option, method in (
        ("--query", expected.encode_query),
        ("--document", expected.encode_document),
        ("--plain", expected.encode),
    ):
        equal(rows(run("embed", "-m", "m", option, "--text", "hello")), method(["hello"]))
    equal(rows(run("embed", "-m", "m", "--text", "hello")), expected.encode_document(["hello"]))


def test_options_of_the_model(run: Run) -> None:
    found = rows(run("embed", "--dimensions", 8, "--no-normalize", "--max-tokens", 4, "--text", "the lazy dog jumps"))
    with pytest.warns(TruncationWarning):
        expected = TextEmbedding(str(TINY), dimensions=8, normalize=False, max_tokens=4).encode(["the lazy dog jumps"])
    equal(found, expected)
    result = run("embed", "--dimensions", 1000, "--text", "x")
    assert result.exit_code == 1
    assert "dimensions must be at most 32" in result.stderr
    assert "cuda:0 was asked for" in run("embed", "--device", "cuda", "--text", "x").stderr
    assert "twice" in run("embed", "--device", "cuda:1", "--device", "cuda:1", "--text", "x").stderr
    assert len(rows(run("embed", "--threads", 1, "--device", "cpu", "--text", "x"))) == 1


def test_texts_that_are_cut_are_reported(run: Run) -> None:
    texts = "\n".join(["the", "the lazy dog jumps over the lazy dog"] * 40)
    options = ("--max-tokens", 6, "--batch-size", 16)
    result = run("embed", *options, "-o", "x.npy", "--truncated-ids", "cut.txt", input=texts)
    assert result.exit_code == 0
    assert "40 of 80 texts had more than 6 tokens and were cut: 2, 4, 6, …. Split them" in result.stderr
    assert Path("cut.txt").read_text().splitlines() == [str(n) for n in range(2, 81, 2)]
    result = run("embed", *options, "--no-truncate", input=texts)
    assert result.exit_code == 1
    assert "2 has more than 6 tokens, and --no-truncate was given" in result.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("-o", "x.txt"), "x.txt: expected a name that ends in .npy, .jsonl, .parquet"),
        (("-o", "x.npy", "--with-text"), "A .npy file holds no texts"),
        (("-o", "x.npy", "--id-column", "nr"), "A .npy file holds no ids; --ids FILE writes them"),
        (("--ids", "ids.txt"), "--ids and --truncated-ids need --output"),
        (("-o", "x.npy", "--ids", "x.npy"), "must be different files"),
    ],
)
def test_options_that_contradict_each_other(run: Run, options: tuple[str, ...], words: str) -> None:
    result = run("embed", "--text", "x", *options)
    assert result.exit_code == 2
    assert words in result.stderr


def test_ids_with_line_breaks_are_no_lines(run: Run) -> None:
    write("a.jsonl", json.dumps({"id": "a\nb", "text": "x"}))
    result = run("embed", "a.jsonl", "-o", "x.npy", "--ids", "ids.txt")
    assert result.exit_code == 1
    assert "holds a line break" in result.stderr


def test_existing_output_is_kept(run: Run) -> None:
    write("x.npy", "mine")
    result = run("embed", "--text", "x", "-o", "x.npy")
    assert result.exit_code == 1
    assert "x.npy exists. --overwrite replaces it." in result.stderr
    assert Path("x.npy").read_text() == "mine"
    assert not Path("x.npy.partial").exists()
    assert run("embed", "--text", "x", "-o", "x.npy", "--overwrite").exit_code == 0
    assert np.load("x.npy").shape == (1, 32)


def test_a_mistake_shows_before_a_model_is_loaded(run: Run) -> None:
    result = run("embed", "--model", "no such model", "--format", "jsonl", input="not json")
    assert "line 1 is not JSON" in result.stderr


def test_a_pipe_in_a_pipe_out(program: Program, model: TextEmbedding) -> None:
    done = program("embed", "-", input="hello world\nthe lazy dog\n")
    assert done.returncode == 0
    assert done.stderr == ""
    equal([json.loads(line) for line in done.stdout.splitlines()], model.encode_document(TEXTS[:2]))


def test_memory_is_bounded(program: Program, tmp_path: Path) -> None:
    """Ten times the texts in about the same memory."""
    script = tmp_path / "peak.py"
    script.write_text(
        "import resource, rapidembed.cli\n"
        "try: rapidembed.cli.main()\n"
        "finally: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    import subprocess

    peaks = []
    for count in (10_000, 100_000):
        write(str(tmp_path / "lines.txt"), "".join(f"text {number}\n" for number in range(count)))
        command = [
            sys.executable,
            script,
            "embed",
            "-m",
            "builtin:static-en",
            tmp_path / "lines.txt",
            "-o",
            tmp_path / f"{count}.npy",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=100)
        peaks.append(int(done.stdout))
        assert np.load(tmp_path / f"{count}.npy", mmap_mode="r").shape == (count, 256)
    assert peaks[1] < peaks[0] + 20_000  # kilobytes; the vectors alone would be 92,000 more
