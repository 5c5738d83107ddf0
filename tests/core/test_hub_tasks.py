"""Rerankers, late interaction and sparse models from a hub: what is fetched, and what comes out."""

import pytest
from rapidembed import LateInteractionTextEmbedding, SparseTextEmbedding, TextCrossEncoder

from tests.fakes.here import load
from tests.fakes.hub import FakeHub
from tests.fakes.results import scores, token_vectors, weights
from tests.golden.heads import (
    COLBERTS,
    RERANKERS,
    SPLADES,
    assemble_colbert,
    assemble_reranker,
    assemble_splade,
)

_CALLS = {TextCrossEncoder: scores, LateInteractionTextEmbedding: token_vectors, SparseTextEmbedding: weights}
_ENCODER = {"config.json", "tokenizer.json", "model.safetensors"}
MODELS = {
    "reranker": (TextCrossEncoder, assemble_reranker, RERANKERS["plain"], _ENCODER),
    "reranker-6": (TextCrossEncoder, assemble_reranker, RERANKERS["layout_6"], _ENCODER | {"modules.json"}),
    "colbert": (
        LateInteractionTextEmbedding,
        assemble_colbert,
        COLBERTS["fixed"],
        _ENCODER | {"1_Dense/model.safetensors", "1_Dense/config.json", "2_MultiVectorMask/config.json"},
    ),
    "colbert-authors": (
        LateInteractionTextEmbedding,
        assemble_colbert,
        COLBERTS["authors"],
        _ENCODER | {"artifact.metadata"},
    ),
    "splade": (SparseTextEmbedding, assemble_splade, SPLADES["splade"], _ENCODER | {"1_SpladePooling/config.json"}),
    "splade-looked-up": (
        SparseTextEmbedding,
        assemble_splade,
        SPLADES["looked_up"],
        {"document_0_MLMTransformer/model.safetensors", "query_0_SparseStaticEmbedding/model.safetensors"},
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_models_come_from_the_hub(name, tmp_path):
    facade, assemble, model, needed = MODELS[name]
    folder = assemble(model, tmp_path / "model")
    (folder / "pytorch_model.bin").write_bytes(b"never read")
    with FakeHub({"someone/tiny": folder}) as hub:
        run = {"facade": facade.__name__, "call": _CALLS[facade], "model_name": "someone/tiny"}
        first = load(hub.url, tmp_path / "cache", **run)
        fetched = {r.split("/main/")[-1].split("/resolve/")[-1].split("/", 1)[-1] for r in hub.requests if "GET" in r}
        again = load(hub.url, tmp_path / "cache", {"HF_HUB_OFFLINE": "1"}, **run)
    with facade(folder) as model:
        expected = _CALLS[facade](model)
    assert first["vector"] == again["vector"] == expected
    missing = {file for file in needed if not any(found.endswith(file) for found in fetched)}
    assert not missing
    assert not any(found.endswith(".bin") for found in fetched)
