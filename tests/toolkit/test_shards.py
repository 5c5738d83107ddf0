"""Files of a corpus, each done as a whole or not at all; tests/scale/test_resume.py kills what does them."""

import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
from rapidembed import EmbedColumn, RapidEmbedError, TextEmbedding, embed_shard

from tests.golden.variants import BASE

TABLE = pa.table({"id": [1, 2, 3], "text": ["a", None, "hello world"]}).replace_schema_metadata({"made": "by hand"})


@pytest.fixture
def source(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pyarrow.parquet.write_table(TABLE, "a.parquet", row_group_size=2)
    return Path("a.parquet")


def embedding(**options):
    return EmbedColumn(TextEmbedding(BASE, lazy_load=True, **options), "text")


def test_a_file_becomes_one_with_vectors_once(source):
    target = Path("new", "folder", "a.parquet")
    embed = embedding()
    assert embed_shard(embed, source, target) == 3
    made = pyarrow.parquet.read_table(target)
    assert made.equals(embed(TABLE))
    assert made.schema.metadata[b"made"] == b"by hand"
    notes = json.loads(made.schema.metadata[b"rapidembed"])
    assert notes == {"model": embed.model.info.model_name, "fingerprint": embed.model.fingerprint, "column": "text"}
    before = target.stat()
    assert embed_shard(embedding(threads=1), source, target) == 0
    assert target.stat() == before
    assert os.listdir(target.parent) == ["a.parquet"]


def test_a_file_that_something_else_made_is_refused(source):
    embed_shard(embedding(), source, "made.parquet")
    with pytest.raises(RapidEmbedError, match=r'made\.parquet was made by .*"column": "text".*Delete it'):
        embed_shard(embedding(dimensions=8), source, "made.parquet")
    with pytest.raises(RapidEmbedError, match=r"a\.parquet says nothing of a model"):
        embed_shard(embedding(), source, source)


def test_a_failure_leaves_nothing_behind(source):
    embed = EmbedColumn(TextEmbedding(BASE, lazy_load=True), "words")
    with pytest.raises(ValueError, match="'words' is no column"):
        embed_shard(embed, source, Path("new", "a.parquet"))
    assert os.listdir("new") == []
