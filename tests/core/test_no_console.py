"""Programs without a console, without a home, and frozen ones: bars stay away, and everything else works."""

import sys
from pathlib import Path

import numpy as np
import pytest
from rapidembed import LateInteractionTextEmbedding, SparseTextEmbedding, TextCrossEncoder, TextEmbedding
from rapidembed.runtime import observation

from tests.fakes.hub import FakeHub
from tests.fakes.process import start
from tests.fakes.results import vector_with_a_bar
from tests.golden import heads

TINY = Path(__file__).parents[1] / "golden" / "base"
TEXTS = ["hello world", "the lazy dog"]


def test_a_bar_that_is_asked_for_stays_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cross = heads.assemble_reranker(heads.RERANKERS["plain"], tmp_path / "cross")
    late = heads.assemble_colbert(heads.COLBERTS["authors"], tmp_path / "late")
    dense = TextEmbedding(TINY)
    monkeypatch.setattr(sys, "stderr", None)
    np.testing.assert_array_equal(dense.encode(TEXTS, show_progress=True), dense.encode(TEXTS))
    assert len(list(dense.embed(TEXTS, show_progress=True))) == 2
    assert len(SparseTextEmbedding("Qdrant/bm25").encode(TEXTS, show_progress=True)) == 2
    assert len(LateInteractionTextEmbedding(late).encode_document(TEXTS, show_progress=True)) == 2
    assert len(TextCrossEncoder(cross).score("dog", TEXTS, show_progress=True)) == 2


def test_weights_are_rounded_without_a_bar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAPIDEMBED_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(sys, "stderr", None)
    monkeypatch.setattr(observation, "_SHOWN_AFTER", 0)
    assert TextEmbedding(TINY, precision="int8").encode("hello world").shape == (32,)


BARE = "sys.stderr = sys.stdin = None; sys.frozen = True; sys.argv = ['app']"


@pytest.mark.parametrize("before", ["sys.stderr = None", BARE])
def test_a_first_download_without_a_console(tmp_path: Path, before: str) -> None:
    with FakeHub({"someone/tiny": TINY}) as hub:
        done = start(hub.url, tmp_path / "cache", before=before, call=vector_with_a_bar, model_name="someone/tiny")
    np.testing.assert_allclose(done["vector"], TextEmbedding(TINY).encode("hello world"), atol=1e-6)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_home_that_cannot_be_written(precision: str) -> None:
    nowhere = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "RAPIDEMBED_CACHE_DIR", "TMPDIR"), "/proc/nowhere")
    done = start(
        "http://127.0.0.1:9",
        None,
        nowhere,
        before=BARE,
        call=vector_with_a_bar,
        model_name=str(TINY),
        precision=precision,
    )
    expected = TextEmbedding(TINY, precision=precision).encode("hello world")
    np.testing.assert_allclose(done["vector"], expected, atol=1e-6)
    assert done["sockets"] == []
