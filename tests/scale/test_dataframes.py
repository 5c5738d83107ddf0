"""The code of docs/dataframes.md, block by block, on the real libraries."""

import os
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from rapidembed import TextEmbedding

polars = pytest.importorskip("polars")

PAGE = (Path(__file__).parents[2] / "docs" / "dataframes.md").read_text(encoding="utf-8")
SECTIONS = {
    title: re.findall(r"^```python\n(.*?)^```", body, re.DOTALL | re.MULTILINE)
    for title, body in re.findall(r"^##? ([^\n]*)\n(.*?)(?=^##? |\Z)", PAGE, re.DOTALL | re.MULTILINE)
}
FILES, ROWS = 3, 10
TEXTS = [f"text {number}" if number % ROWS != 3 else None for number in range(FILES * ROWS)]
BLOCKS = {"Tables and data frames", "Arrow"}


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("corpus").mkdir()
    for number in range(FILES):
        part = slice(number * ROWS, (number + 1) * ROWS)
        table = pa.table({"id": range(len(TEXTS))[part], "text": TEXTS[part]})
        pyarrow.parquet.write_table(table, f"corpus/{number}.parquet")


def run(title: str) -> dict[str, object]:
    """What is defined after the blocks of a section, which stand on those of the first two."""
    names: dict[str, object] = {"__name__": "page"}
    for section in dict.fromkeys(["Tables and data frames", "Arrow", title]):
        for block in SECTIONS[section]:
            exec(compile(block, f"docs/dataframes.md, {section}", "exec"), names)
    return names


def check(frame) -> None:
    """A frame of polars has every text's vector once."""
    frame = frame.sort("id")
    assert frame["id"].to_list() == list(range(len(TEXTS)))
    vectors = frame["embedding"].to_list()
    expected = TextEmbedding("builtin:static-en").encode_document([text or "" for text in TEXTS])
    for text, vector, wanted in zip(TEXTS, vectors, expected, strict=True):
        if text is None:
            assert vector is None
        else:
            np.testing.assert_array_equal(np.array(vector, dtype=np.float32), wanted)


def test_every_section_is_tested() -> None:
    tested = {"Hugging Face datasets", "polars", "DuckDB", "Daft", "Dask", "Ray", "Runs that are killed"}
    assert {title for title, blocks in SECTIONS.items() if blocks} == tested | BLOCKS


@pytest.mark.usefixtures("corpus")
def test_arrow() -> None:
    names = run("Arrow")
    check(polars.DataFrame(names["with_vectors"].to_pydict()))
    assert names["small"].type == pa.list_(pa.float16(), 256)


@pytest.mark.usefixtures("corpus")
def test_datasets(monkeypatch, tmp_path) -> None:
    pytest.importorskip("datasets")
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    names = run("Hugging Face datasets")
    check(polars.DataFrame(names["embedded"].with_format("arrow")[:].to_pydict()))
    assert names["array"].shape[0] == 5


@pytest.mark.usefixtures("corpus")
@pytest.mark.parametrize(
    ("title", "package", "made"),
    [
        ("polars", "polars", "polars.parquet"),
        ("DuckDB", "duckdb", "duckdb.parquet"),
        ("Daft", "daft", "daft/**/*.parquet"),
        ("Dask", "dask", "dask/*.parquet"),
    ],
)
def test_a_library(title: str, package: str, made: str) -> None:
    pytest.importorskip(package)
    run(title)
    check(polars.read_parquet(made, glob=True))


@pytest.mark.usefixtures("corpus")
def test_ray(ray) -> None:
    run("Ray")
    for folder in ("ray", "ray-by-hand"):
        check(polars.read_parquet(f"{folder}/*.parquet"))


@pytest.mark.usefixtures("corpus")
def test_shards(ray) -> None:
    run("Runs that are killed")
    check(polars.read_parquet("vectors/*.parquet"))
    assert sorted(os.listdir("vectors")) == ["0.parquet", "1.parquet", "2.parquet"]
