"""Rerankers, late interaction and sparse models from a hub: what is fetched, and what comes out."""

import json
import os
import subprocess
import sys

import pytest
from rapidembed import LateInteractionTextEmbedding, SparseTextEmbedding, TextCrossEncoder

from tests.fakes.hub import FakeHub
from tests.golden.heads import (
    COLBERTS,
    RERANKERS,
    SPLADES,
    assemble_colbert,
    assemble_reranker,
    assemble_splade,
)

_CALLS = {
    "TextCrossEncoder": "list(model.score('fox', ['dog']))",
    "LateInteractionTextEmbedding": "model.encode_document('dog').tolist()",
    "SparseTextEmbedding": "[model.encode_document('dog').values.tolist(), model.encode_query('dog').values.tolist()]",
}
_SCRIPT = """
import json, sys, rapidembed
facade, call, cache = sys.argv[1:]
model = getattr(rapidembed, facade)("someone/tiny", cache_dir=cache)
print(json.dumps(eval(call), default=float))
"""
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
        command = [sys.executable, "-c", _SCRIPT, facade.__name__, _CALLS[facade.__name__], str(tmp_path / "cache")]
        environment = {**os.environ, "HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        fetched = {r.split("/main/")[-1].split("/resolve/")[-1].split("/", 1)[-1] for r in hub.requests if "GET" in r}
        again = subprocess.run(
            command, env=environment | {"HF_HUB_OFFLINE": "1"}, capture_output=True, text=True, check=False
        )
    with facade(folder) as model:
        expected = eval(_CALLS[facade.__name__])
    for answer in (done, again):
        assert answer.returncode == 0, answer.stderr
        assert json.dumps(json.loads(answer.stdout), default=float) == json.dumps(expected, default=float)
    missing = {file for file in needed if not any(found.endswith(file) for found in fetched)}
    assert not missing
    assert not any(found.endswith(".bin") for found in fetched)
