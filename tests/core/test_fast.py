"""``precision="fast"``: what the published table makes of a machine."""

import importlib.util
from pathlib import Path

import pytest
from rapidembed import TextEmbedding
from rapidembed.runtime import fast
from rapidembed.runtime.backends import onnxruntime
from rapidembed.runtime.backends import openvino as openvino_backend
from rapidembed.runtime.fast import Choice

from tests.golden import static_variants

VNNI = "x86-64-vnni"
BASE = Path(__file__).parents[1] / "golden" / "base"
ROWS = [
    Choice("int8", "onnxruntime", 2.0, -0.2, 0.999),
    Choice("bf16", "openvino", 1.5, -0.02, 0.9999),
    Choice("fp32", "onnxruntime", 1.0, 0.0, 1.0),
]


def harmless(precision):
    return [Choice(r.precision, r.backend, r.speed, -0.05, r.cosine) if r.precision == precision else r for r in ROWS]


def machine(monkeypatch, *, rows, openvino, integers, formats=("FP32", "BF16")):
    """A table, and a machine to read it for."""
    monkeypatch.setattr(fast, "table", lambda: rows)
    monkeypatch.setattr(onnxruntime, "integer_kind", lambda: integers)
    monkeypatch.setattr(openvino_backend, "capabilities", lambda: formats)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: (openvino and name == "openvino") or None)


@pytest.mark.parametrize(
    ("rows", "openvino", "integers", "backend", "expected"),
    [
        (ROWS, True, VNNI, "onnxruntime", ("bf16", "openvino")),
        (ROWS, False, VNNI, "onnxruntime", ("fp32", "onnxruntime")),
        (harmless("int8"), True, VNNI, "onnxruntime", ("int8", "onnxruntime")),
        (harmless("int8"), False, VNNI, "onnxruntime", ("int8", "onnxruntime")),
        (harmless("int8"), True, "x86-64", "onnxruntime", ("bf16", "openvino")),
        (harmless("int8"), False, "aarch64", "onnxruntime", ("fp32", "onnxruntime")),
        (harmless("int8"), True, VNNI, "openvino", ("bf16", "openvino")),
        (ROWS, False, VNNI, "openvino", ("fp32", "openvino")),
    ],
)
def test_the_fastest_that_loses_little_and_is_here(monkeypatch, rows, openvino, integers, backend, expected):
    machine(monkeypatch, rows=rows, openvino=openvino, integers=integers)
    assert fast.fastest(backend) == expected


@pytest.mark.parametrize(("backend", "rest"), [("onnxruntime", "onnxruntime"), ("openvino", "openvino")])
def test_a_cpu_without_bfloat16_is_passed_over(monkeypatch, backend, rest):
    machine(monkeypatch, rows=ROWS, openvino=True, integers="aarch64", formats=["FP32"])
    assert fast.fastest(backend) == ("fp32", rest)


def test_the_table_is_sorted_and_has_float32():
    rows = fast.table()
    assert [row.speed for row in rows] == sorted((row.speed for row in rows), reverse=True)
    assert Choice("fp32", "onnxruntime", 1.0, 0.0, 1.0) in rows


def test_what_runs_is_told():
    with TextEmbedding(str(BASE), precision="fast") as model:
        expected = fast.fastest("onnxruntime", model._loaded().checkpoint)
        assert (model.info.precision, model.info.backend) == expected
        assert model.encode("hello").shape == (32,)


def test_models_with_one_precision_keep_it(tmp_path):
    folder = static_variants.assemble(static_variants.VARIANTS["float32"], tmp_path / "float32")
    with TextEmbedding(folder, precision="fast") as model:
        assert (model.info.precision, model.info.backend) == ("fp32", "numpy")
