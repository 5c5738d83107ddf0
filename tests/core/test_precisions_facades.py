"""BM42, miniCOIL and BGE-M3 in other precisions: texts do not know of each other, and results are near.

test_precisions.py has the graphs of every architecture; these facades have heads of their own behind them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from rapidembed import HybridTextEmbedding, LateInteractionTextEmbedding, SparseTextEmbedding, TextEmbedding

from tests.golden import hybrid, words

pytestmark = pytest.mark.filterwarnings("ignore::rapidembed.TruncationWarning")

TEXTS = [*words.TEXTS, *(f"{text} {word}" for text in hybrid.TEXTS for word in ("dog", "world", "lazy foxes"))]


def _sparse(found: Any) -> list[Any]:
    return [found.indices, found.values]


def _all(found: Any) -> list[Any]:
    return [found.dense, found.token_vectors, *_sparse(found.sparse)]


@dataclass(frozen=True)
class Case:
    """A facade, the curated name and the folder it is given, and the arrays of one result."""

    facade: Any
    folder: str
    name: str | None = None
    arrays: Callable[[Any], list[Any]] = lambda found: [found]

    def make(self, folders, **options):
        folder = folders[self.folder]
        return (
            self.facade(self.name, specific_model_path=folder, **options)
            if self.name
            else self.facade(folder, **options)
        )


CASES = {
    "bm42": Case(SparseTextEmbedding, "words", words.BM42, _sparse),
    "minicoil": Case(SparseTextEmbedding, "words", words.SPEC.name, _sparse),
    "m3 dense": Case(TextEmbedding, "hybrid"),
    "m3 sparse": Case(SparseTextEmbedding, "hybrid", arrays=_sparse),
    "m3 token vectors": Case(LateInteractionTextEmbedding, "hybrid"),
    "m3 at once": Case(HybridTextEmbedding, "hybrid", arrays=_all),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("precisions")
    SparseTextEmbedding.add_custom_model(words.SPEC)
    yield {"words": words.assemble(root / "words"), "hybrid": hybrid.assemble(root / "hybrid")}
    SparseTextEmbedding.remove_custom_model(words.SPEC.name)


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


def equal(arrays, found, expected):
    for one, other in zip(found, expected, strict=True):
        for mine, theirs in zip(arrays(one), arrays(other), strict=True):
            np.testing.assert_array_equal(mine, theirs)


def near(arrays, found, expected, most):
    for one, other in zip(found, expected, strict=True):
        for mine, theirs in zip(arrays(one), arrays(other), strict=True):
            assert mine.shape == theirs.shape
            assert np.linalg.norm(mine - theirs) <= most * np.linalg.norm(theirs)


def alone(arrays, model, texts):
    """A text's result does not depend on its neighbours, bit by bit."""
    together = model.encode_document(texts)
    equal(arrays, model.encode_document(texts[::-1])[::-1], together)
    equal(arrays, model.encode_document(texts, batch_size=2), together)
    equal(arrays, [model.encode_document([text])[0] for text in texts], together)
    equal(arrays, [model.encode_document(text) for text in texts], together)
    return together


@pytest.mark.parametrize("threads", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_int8(case, folders, threads):
    with case.make(folders) as exact, case.make(folders, precision="int8", threads=threads) as model:
        assert (model.info.precision, model.info.backend) == ("int8", "onnxruntime")
        assert model.fingerprint != exact.fingerprint
        found, expected = alone(case.arrays, model, TEXTS), exact.encode_document(TEXTS)
        near(case.arrays, found, expected, 0.1)
        with pytest.raises(AssertionError):
            equal(case.arrays, found, expected)
        near(case.arrays, model.encode_query(TEXTS), exact.encode_query(TEXTS), 0.1)


@pytest.mark.slow
def test_int8_of_bm42_on_real_weights(minilm):
    with TextEmbedding(minilm, lazy_load=True) as known:
        folder = known.info.weights.parent
    texts = [f"{text} {word}" for text in words.TEXTS for word in ("one", "two", "three", "four")]
    bm42 = Case(SparseTextEmbedding, "real", words.BM42, _sparse)
    with bm42.make({"real": folder}) as exact, bm42.make({"real": folder}, precision="int8") as model:
        near(_sparse, alone(_sparse, model, texts), exact.encode_document(texts), 0.05)


@pytest.mark.skipif(find_spec("openvino") is None, reason="needs OpenVINO")
def test_openvino(case, folders):
    with case.make(folders) as exact, case.make(folders, backend="openvino") as model:
        assert (model.info.precision, model.info.backend) == ("fp32", "openvino")
        near(case.arrays, model.encode_document(TEXTS), exact.encode_document(TEXTS), 1e-5)
        near(case.arrays, [model.encode_document(text) for text in TEXTS], exact.encode_document(TEXTS), 1e-5)


@pytest.mark.skipif(find_spec("openvino") is None, reason="needs OpenVINO")
def test_bfloat16(case, folders):
    from rapidembed.runtime.backends import openvino

    if "BF16" not in openvino.capabilities():
        pytest.skip("this CPU has no bfloat16")
    with case.make(folders) as exact, case.make(folders, precision="bf16", backend="openvino") as model:
        near(case.arrays, model.encode_document(TEXTS), exact.encode_document(TEXTS), 0.05)
