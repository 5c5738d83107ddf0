"""Scores and token vectors are those of transformers and its kin: see tests/golden/make_heads.py."""

import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from rapidembed import LateInteractionTextEmbedding, SparseTextEmbedding, TextCrossEncoder, TruncationWarning
from safetensors import safe_open
from safetensors.numpy import load_file

from tests.fakes import compare
from tests.golden.heads import (
    COLBERTS,
    DOCUMENTS,
    PAIRS,
    QUERIES,
    QUERY,
    RERANKERS,
    SPLADES,
    assemble_colbert,
    assemble_reranker,
    assemble_splade,
)

FILE = Path(__file__).parents[1] / "golden" / "heads.safetensors"
REFERENCE = load_file(FILE)
with safe_open(FILE, framework="numpy") as _file:
    close = partial(compare.close, tolerance=float(_file.metadata()["tolerance"]))


@pytest.fixture(autouse=True)
def truncation_is_expected():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TruncationWarning)
        yield


def expected(name, count):
    return [REFERENCE[f"{name}/{i}"] for i in range(count)]


@pytest.mark.parametrize("name", RERANKERS)
def test_scores(name, tmp_path):
    wanted = REFERENCE[f"rerank/{name}/0"].reshape(len(PAIRS), -1)
    folder = assemble_reranker(RERANKERS[name], tmp_path / "model")
    with TextCrossEncoder(folder) as model:
        close([model.score_labels(PAIRS)], [wanted])
    for number, label in enumerate(RERANKERS[name].labels):
        with TextCrossEncoder(folder, label=label) as model:
            close([model.score_pairs(PAIRS)], [wanted[:, number]])


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


def dense(embeddings):
    rows = []
    for embedding in embeddings:
        assert (embedding.values.dtype, embedding.indices.dtype) == (np.float32, np.int64)
        assert np.all(np.diff(embedding.indices) > 0)
        row = np.zeros(REFERENCE["sparse/splade/query/0"].shape[1], dtype=np.float32)
        row[embedding.indices] = embedding.values
        rows.append(row)
    return np.stack(rows)


@pytest.mark.parametrize("name", SPLADES)
def test_word_weights(name, tmp_path):
    with SparseTextEmbedding(assemble_splade(SPLADES[name], tmp_path / "model")) as model:
        assert not model.requires_idf
        assert model.vocab_size == REFERENCE[f"sparse/{name}/query/0"].shape[1]
        for encode, texts, role in (
            (model.encode_query, QUERIES, "query"),
            (model.encode_document, DOCUMENTS, "document"),
        ):
            wanted = [REFERENCE[f"sparse/{name}/{role}/0"]]
            close([dense(encode(texts))], wanted)
            close([dense([encode(text) for text in texts])], wanted)
