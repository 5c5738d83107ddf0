"""A backend is one file and its row: what others write works without a change to ours."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rapidembed import DeviceError, TextCrossEncoder, TextEmbedding, UnsupportedModelError
from rapidembed.runtime.backends import BACKENDS, BackendRow, register
from rapidembed.toolkit.compile import compile_model
from safetensors.numpy import load_file

from tests.fakes import one_thread_backend, packed_backend
from tests.golden import static_variants
from tests.golden.heads import PAIRS, RERANKERS, assemble_reranker

BASE = Path(__file__).parents[1] / "golden" / "base"
TEXTS = ["hello world", "the lazy dog", "a fox", "the quick fox, the lazy dog", "hello"]


@pytest.fixture(autouse=True)
def table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that a test adds go when it ends."""
    monkeypatch.setattr("rapidembed.runtime.backends.BACKENDS", BACKENDS)
    for row in (one_thread_backend.ROW, packed_backend.ROW):
        monkeypatch.setitem(BACKENDS, row.name, row)


@pytest.mark.filterwarnings("ignore::rapidembed.TruncationWarning")
def test_a_backend_that_runs_graphs(tmp_path):
    opened = one_thread_backend.BACKEND.opened
    opened.clear()
    with TextEmbedding(str(BASE)) as expected, TextEmbedding(str(BASE), backend="one-thread") as model:
        np.testing.assert_allclose(model.encode(TEXTS), expected.encode(TEXTS), atol=1e-5)
        np.testing.assert_allclose(model.encode("hello"), expected.encode("hello"), atol=1e-5)
        assert (model.info.backend, model.info.precision) == ("one-thread", "fp32")
    assert opened, "another backend computed"
    folder = assemble_reranker(RERANKERS["plain"], tmp_path / "reranker")
    with TextCrossEncoder(folder) as expected, TextCrossEncoder(folder, backend="one-thread") as model:
        np.testing.assert_allclose(model.score_labels(PAIRS), expected.score_labels(PAIRS), atol=1e-5)


def test_a_backend_with_an_engine_of_its_own():
    packed_backend.PackedEngine.ran.clear()
    with TextEmbedding(str(BASE), backend="packed", normalize=False) as model:
        assert (model.info.backend, model.info.precision) == ("packed", "int8"), "auto is its first precision"
        vectors = model.encode(TEXTS)
        (lengths,) = packed_backend.PackedEngine.ran
        assert len(set(lengths)) > 1, "texts of several lengths run together"
        np.testing.assert_allclose(model.encode(TEXTS[1]), vectors[1], atol=1e-6)
        words = load_file(BASE / "model.safetensors")["embeddings.word_embeddings.weight"]
        for vector, text in zip(vectors, model._loaded().tokenizer.encode(TEXTS, 64), strict=True):
            np.testing.assert_allclose(vector, words[text.ids].mean(axis=0), atol=1e-6)
        with pytest.raises(UnsupportedModelError, match="needs no graph"):
            compile_model(model, BASE / "nowhere")
    with TextEmbedding(str(BASE), backend="packed", precision="bf16") as model:
        assert model.info.precision == "bf16"


def test_options_are_checked_by_the_table(tmp_path):
    with pytest.raises(
        ValueError, match="backend must be one of onnxruntime, openvino, native, one-thread, packed, got 'x'"
    ):
        TextEmbedding(str(BASE), backend="x")
    with pytest.raises(ValueError, match='precision="fp32" is for backend="onnxruntime", got backend="packed"'):
        TextEmbedding(str(BASE), backend="packed", precision="fp32")
    with pytest.raises(ValueError, match='providers are ONNX Runtime\'s; leave them out with backend="packed"'):
        TextEmbedding(str(BASE), backend="packed", providers=["CPUExecutionProvider"])
    folder = static_variants.assemble(static_variants.VARIANTS["float32"], tmp_path / "static")
    with pytest.raises(UnsupportedModelError, match="leave precision and backend out"):
        TextEmbedding(folder, backend="packed")


def test_a_backend_that_is_not_installed_says_how(monkeypatch):
    row = BackendRow(
        name="elsewhere", precisions=("fp32",), module="nowhere", package="not_there", install="pip install not-there"
    )
    monkeypatch.setitem(BACKENDS, row.name, row)
    message = 'backend="elsewhere" needs the package not_there. Install it with: pip install not-there'
    for precision in ("auto", "fast"):
        with pytest.raises(DeviceError, match=message):
            TextEmbedding(str(BASE), backend="elsewhere", precision=precision)


def test_names_are_taken_once():
    register(packed_backend.ROW)
    with pytest.raises(ValueError, match="There is a backend 'openvino' already"):
        register(BackendRow(name="openvino", precisions=("fp32",), module="mine", package="mine"))
    assert BACKENDS["openvino"].module.startswith("rapidembed.")


def test_asking_the_table_imports_no_backend():
    script = (
        "import sys; from rapidembed.runtime.backends import BACKENDS;"
        "print(*{'onnxruntime', 'openvino', 'numpy', 'tokenizers'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not {"onnxruntime", "openvino", "tokenizers"} & set(done.stdout.split())
