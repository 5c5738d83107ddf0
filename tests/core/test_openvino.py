"""The OpenVINO backend: the same vectors, the same contract, and what is said where it cannot be used."""

import importlib.util
from functools import partial
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
from rapidembed import (
    DeviceError,
    LateInteractionTextEmbedding,
    NonFiniteError,
    SparseTextEmbedding,
    TextCrossEncoder,
    TextEmbedding,
    UnsupportedModelError,
)
from rapidembed.runtime.backends import openvino
from safetensors.numpy import load_file, save_file

from tests.fakes import compare
from tests.golden import static_variants
from tests.golden.heads import (
    COLBERTS,
    DOCUMENTS,
    PAIRS,
    RERANKERS,
    SPLADES,
    assemble_colbert,
    assemble_reranker,
    assemble_splade,
)
from tests.golden.variants import write_safetensors

pytest.importorskip("openvino")

BASE = Path(__file__).parents[1] / "golden" / "base"
TEXTS = [*DOCUMENTS[:5], "hello", "the lazy dog", "hello world", "a fox, a dog"]
WITH = {"backend": "openvino"}


close = partial(compare.close, tolerance=1e-5)


@pytest.mark.parametrize("pooling", ["mean", "cls", "max", "lasttoken", "weightedmean"])
def test_vectors_are_those_of_onnx_runtime(pooling, tmp_path):
    folder = copytree(BASE, tmp_path / "model")
    (folder / "modules.json").unlink()
    options = {"pooling": pooling, "max_tokens": 64}
    with TextEmbedding(str(folder), **options) as expected, TextEmbedding(str(folder), **options, **WITH) as model:
        close(model.encode(TEXTS), expected.encode(TEXTS))
        close([model.encode("hello")], [expected.encode("hello")])
        assert (model.info.backend, model.info.precision, model.info.device) == ("openvino", "fp32", "cpu")
        assert model.fingerprint == expected.fingerprint, "the numbers are the same"


@pytest.mark.parametrize("stored", ["F16", "BF16"])
def test_weights_of_16_bits(tmp_path, stored):
    half = copytree(BASE, tmp_path / "half")
    write_safetensors(half / "model.safetensors", load_file(BASE / "model.safetensors"), stored)
    with TextEmbedding(str(half)) as expected, TextEmbedding(str(half), **WITH) as model:
        close(model.encode(TEXTS), expected.encode(TEXTS))


@pytest.mark.filterwarnings("ignore::rapidembed.TruncationWarning")
@pytest.mark.parametrize("name", [name for name in RERANKERS if name != "three_labels"])
def test_scores(name, tmp_path):
    folder = assemble_reranker(RERANKERS[name], tmp_path / "model")
    with TextCrossEncoder(folder) as expected, TextCrossEncoder(folder, **WITH) as model:
        close(model.score_labels(PAIRS), expected.score_labels(PAIRS))


def some(variants, shown):
    """Variants whose graphs differ; the others differ in what is done around a graph, on any backend."""
    return [pytest.param(name, marks=[] if name in shown else [pytest.mark.slow]) for name in variants]


@pytest.mark.parametrize("name", some(COLBERTS, ("pylate", "two_layers", "not_normalized", "attended")))
def test_token_vectors(name, tmp_path):
    folder = assemble_colbert(COLBERTS[name], tmp_path / "model")
    with LateInteractionTextEmbedding(folder) as expected, LateInteractionTextEmbedding(folder, **WITH) as model:
        close(model.encode_document(TEXTS), expected.encode_document(TEXTS))
        close(model.encode_query(TEXTS[1:3]), expected.encode_query(TEXTS[1:3]))


@pytest.mark.parametrize("name", some(SPLADES, ("splade", "two_logs", "sum", "looked_up")))
def test_sparse_weights(name, tmp_path):
    folder = assemble_splade(SPLADES[name], tmp_path / "model")
    with SparseTextEmbedding(folder) as expected, SparseTextEmbedding(folder, **WITH) as model:
        for one, other in zip(model.encode_document(TEXTS), expected.encode_document(TEXTS), strict=True):
            np.testing.assert_array_equal(one.indices, other.indices)
            np.testing.assert_allclose(one.values, other.values, atol=1e-5, rtol=1e-5)


@pytest.fixture
def bf16():
    if "BF16" not in openvino.capabilities():
        pytest.skip("this CPU has no bfloat16")
    return {"precision": "bf16", **WITH}


def test_bfloat16_is_near_float32_on_real_weights(minilm, bf16):
    texts = [f"{text} {word}" for text in DOCUMENTS for word in ("one", "two", "three", "four", "five")]
    with TextEmbedding(minilm) as exact, TextEmbedding(minilm, **bf16) as model:
        vectors = model.encode(texts)
        cosines = np.einsum("ij,ij->i", vectors, exact.encode(texts))
        assert cosines.min() > 0.9999
        assert cosines.mean() > 0.999975  # it is 0.99997 if the residual stream is in bfloat16 too
        assert cosines.max() < 0.9999999, "it computes in float32"
        alone = np.stack([model.encode(text) for text in texts])
        np.testing.assert_allclose(np.einsum("ij,ij->i", alone, vectors), 1, atol=1e-6)
        assert (model.info.backend, model.info.precision) == ("openvino", "bf16")


def test_float32_is_pinned(minilm):
    """OpenVINO would choose bfloat16 by itself where the CPU has it."""
    with TextEmbedding(minilm) as exact, TextEmbedding(minilm, **WITH) as model:
        close([model.encode("the lazy dog")], [exact.encode("the lazy dog")])


def test_numbers_that_are_not_finite_are_an_error(tmp_path):
    model = copytree(BASE, tmp_path / "model")
    tensors = load_file(BASE / "model.safetensors")
    tensors["embeddings.word_embeddings.weight"][:] = np.nan
    save_file(tensors, model / "model.safetensors")
    with TextEmbedding(str(model), **WITH) as loaded, pytest.raises(NonFiniteError, match=r"openvino 20\d\d\."):
        loaded.encode(["hello"])


def test_the_files_of_the_model_are_not_changed(tmp_path):
    model = copytree(BASE, tmp_path / "model")
    before = (model / "model.safetensors").read_bytes()
    with TextEmbedding(str(model), **WITH) as loaded:
        loaded.encode(TEXTS)
    assert (model / "model.safetensors").read_bytes() == before


# Refusals


def test_it_says_what_to_install(minilm, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(DeviceError, match=r"needs the package openvino.*pip install 'rapidembed\[openvino\]'"):
        TextEmbedding(str(BASE), **WITH)


def test_it_says_that_the_cpu_lacks_bfloat16(monkeypatch):
    monkeypatch.setattr(openvino, "capabilities", lambda: ["FP32", "INT8"])
    with pytest.raises(DeviceError, match="needs a CPU with bfloat16 instructions"):
        TextEmbedding(str(BASE), precision="bf16", **WITH)
    with TextEmbedding(str(BASE), **WITH) as model:
        assert model.info.precision == "fp32"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"precision": "bf16"}, 'precision="bf16" is for backend="openvino", got backend="onnxruntime"'),
        ({"precision": "int8", **WITH}, 'precision="int8" is for backend="onnxruntime", got backend="openvino"'),
        ({"providers": ["CPUExecutionProvider"], **WITH}, "providers are ONNX Runtime's"),
    ],
)
def test_contradictions(options, message):
    with pytest.raises(ValueError, match=message):
        TextEmbedding(str(BASE), **options)


def test_static_models_have_one_backend(tmp_path):
    folder = static_variants.assemble(static_variants.VARIANTS["float32"], tmp_path / "float32")
    with pytest.raises(UnsupportedModelError, match="leave precision and backend out"):
        TextEmbedding(folder, **WITH)
