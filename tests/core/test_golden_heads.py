"""Scores and token vectors are those of transformers and its kin: see tests/golden/make_heads.py."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from rapidembed import LateInteractionTextEmbedding, TextCrossEncoder, TruncationWarning
from safetensors import safe_open
from safetensors.numpy import load_file

from tests.golden.heads import (
    COLBERTS,
    DOCUMENTS,
    PAIRS,
    QUERIES,
    QUERY,
    RERANKERS,
    assemble_colbert,
    assemble_reranker,
)

FILE = Path(__file__).parents[1] / "golden" / "heads.safetensors"
REFERENCE = load_file(FILE)
with safe_open(FILE, framework="numpy") as _file:
    TOLERANCE = float(_file.metadata()["tolerance"])


@pytest.fixture(autouse=True)
def truncation_is_expected():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TruncationWarning)
        yield


def close(found, expected):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == np.float32
        np.testing.assert_allclose(one, other, atol=TOLERANCE, rtol=0)


def expected(name, count):
    return [REFERENCE[f"{name}/{i}"] for i in range(count)]


@pytest.mark.parametrize("name", RERANKERS)
def test_scores(name, tmp_path):
    with TextCrossEncoder(assemble_reranker(RERANKERS[name], tmp_path / "model")) as model:
        close([model.score_pairs(PAIRS)], expected(f"rerank/{name}", 1))


def test_one_query_and_its_documents_score_as_pairs_do(tmp_path):
    with TextCrossEncoder(assemble_reranker(RERANKERS["plain"], tmp_path / "model")) as model:
        together = model.score(QUERY, [DOCUMENTS[3], "hello"])
        close([together[:1]], [REFERENCE["rerank/plain/0"][:1]])
        close([together], [model.score_pairs([(QUERY, DOCUMENTS[3]), (QUERY, "hello")])])


@pytest.mark.parametrize("name", COLBERTS)
def test_queries(name, tmp_path):
    with LateInteractionTextEmbedding(assemble_colbert(COLBERTS[name], tmp_path / "model")) as model:
        wanted = expected(f"late/{name}/query", len(QUERIES))
        close(model.encode_query(QUERIES), wanted)
        close([model.encode_query(text) for text in QUERIES], wanted)


@pytest.mark.parametrize("name", COLBERTS)
def test_documents(name, tmp_path):
    with LateInteractionTextEmbedding(assemble_colbert(COLBERTS[name], tmp_path / "model")) as model:
        wanted = expected(f"late/{name}/document", len(DOCUMENTS))
        close(model.encode_document(DOCUMENTS), wanted)
        close([model.encode_document(text) for text in DOCUMENTS], wanted)
