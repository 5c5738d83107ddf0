"""The native library through its Python package; its C++ tests are run by ``make -C native test``."""

import ctypes
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tests.native.variants import CONFIGS, published, tokens, values

native = pytest.importorskip("rapidembed_native", reason="rapidembed-native is not installed: make native")
families = pytest.importorskip("rapidembed_native.families")

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text(encoding="utf-8"))["variants"]
ISAS = [
    pytest.param(isa, marks=[] if native.has_isa(isa) else pytest.mark.skip(reason=f"this processor lacks {isa.name}"))
    for isa in native.Isa
]


def tensors(name):
    made = {key: values(key, tuple(shape)) for key, shape in GOLDEN[name]["tensors"].items()}
    return published(made) if name == "nomic" else made


def rounded(name):
    """Every matrix to the nearest integers, under the names that rapidembed gives them; channels as they are."""
    made = {}
    for key, weight in tensors(name).items():
        if weight.ndim != 2 or "embedding" in key.replace("embeddings_project", ""):
            continue
        for parts in (1, 2, 3):
            size = len(weight) // parts
            for start in range(0, size * parts, size):
                rows = weight[start : start + size]
                steps = np.abs(rows).max(1) / 127
                integers = np.rint(rows / steps[:, None]).astype(np.int8)
                made[f"{key}[{start}:{start + size}].int8"] = np.ascontiguousarray(integers.T)
                made[f"{key}[{start}:{start + size}].scales"] = steps
    return made


def packed():
    rows = list(tokens())
    ids = np.concatenate([np.array(row, np.int32) for row in rows])
    return ids, np.cumsum([0, *map(len, rows)], dtype=np.int64)


def cosines(found, expected):
    expected = np.asarray(expected)
    return (found * expected).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(expected, axis=1)


def encoder(name, isa=None, integers=None, precision=native.Precision.BF16):
    description = families.describe(CONFIGS[name], tensors(name), integers, precision=precision, longest=200)
    return native.Encoder(description, isa)


@pytest.fixture(scope="module")
def bert():
    return encoder("bert")


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize(("precision", "least"), [("BF16", 0.9998), ("FP32", 0.999999)])
def test_floats_give_the_vectors_of_transformers(name, isa, precision, least):
    found = encoder(name, isa, precision=native.Precision[precision]).encode(*packed())
    assert cosines(found, GOLDEN[name]["means"]).min() > least


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("name", CONFIGS)
def test_int8_is_close_to_transformers(name, isa):
    found = encoder(name, isa, rounded(name)).encode(*packed())
    assert cosines(found, GOLDEN[name]["means"]).min() > 0.998


def test_a_vector_does_not_depend_on_its_company(bert):
    ids, offsets = packed()
    together = bert.encode(ids, offsets)
    for text in range(len(offsets) - 1):
        alone = bert.encode(ids, offsets[text : text + 2])
        assert np.array_equal(alone[0], together[text])


@pytest.mark.parametrize("output", native.Output)
def test_threads_that_share_a_call_change_nothing(bert, output):
    ids, offsets = packed()
    expected = bert.encode(ids, offsets, output)
    with ThreadPoolExecutor(2) as pool:
        assert np.array_equal(bert.encode_together(ids, offsets, output, workers=3, pool=pool), expected)
    assert np.array_equal(bert.encode_together(ids, offsets, output, workers=2), expected)
    assert np.array_equal(bert.encode_together(ids, offsets, output, workers=1), expected)


def test_calls_at_a_time(bert):
    ids, offsets = packed()
    expected = bert.encode(ids, offsets)
    with ThreadPoolExecutor(4) as pool:
        assert all(np.array_equal(found, expected) for found in pool.map(lambda _: bert.encode(ids, offsets), range(8)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_encodes(bert):
    ids, offsets = packed()
    expected = bert.encode(ids, offsets)
    with ThreadPoolExecutor(2) as pool:
        busy = [pool.submit(bert.encode, ids, offsets) for _ in range(20)]
        child = os.fork()
        if child == 0:
            os._exit(0 if np.array_equal(bert.encode(ids, offsets), expected) else 1)
        [call.result() for call in busy]
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_spans_are_what_is_pooled(bert):
    ids, offsets = packed()
    rows = bert.encode(ids, offsets, native.Output.TOKENS)
    spans = np.array([[0, 1], [2, 5], [1, 33], [99, 100]], np.int32)
    expected = [rows[begin + a : begin + b].mean(0) for begin, (a, b) in zip(offsets, spans, strict=False)]
    assert np.allclose(bert.encode(ids, offsets, spans=spans), expected, atol=1e-5)


def test_a_cancelled_call_says_so(bert):
    from rapidembed_native.library import CancelledError

    with pytest.raises(CancelledError):
        bert.encode(*packed(), cancel=np.ones(1, np.int32))


@pytest.mark.parametrize(
    ("ids", "offsets", "message"),
    [
        ([1, 64], [0, 2], "token 1: id 64 is not in a vocabulary of 64"),
        ([1, -1], [0, 2], "token 1: id -1"),
        ([1, 2], [0, 2, 2], "text 1 has no tokens"),
        ([1, 2], [0, 3], "a way through 2 ids"),
        ([1] * 131, [0, 131], "has 131 tokens; the model has positions for 130"),
    ],
)
def test_bad_calls_are_refused(bert, ids, offsets, message):
    with pytest.raises(ValueError, match=message):
        bert.encode(np.array(ids, np.int32), np.array(offsets, np.int64))


def test_weights_of_another_version_are_refused():
    description = families.describe(CONFIGS["bert"], tensors("bert"))
    description.layers[1].up.memory[8] += 1
    with pytest.raises(ValueError, match="up: packed by version 2, expected 1; pack it again"):
        native.Encoder(description)


def test_packed_weights_may_come_from_a_file(tmp_path):
    description = families.describe(CONFIGS["bert"], tensors("bert"))
    expected = native.Encoder(description).encode(*packed())
    for number, layer in enumerate(description.layers):
        for name in ("qkv", "out", "up", "down"):
            path = tmp_path / f"{number}.{name}"
            getattr(layer, name).memory.tofile(path)
            object.__setattr__(layer, name, native.Packed(np.memmap(path, np.uint8, "r")))
    assert np.array_equal(native.Encoder(description).encode(*packed()), expected)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("outputs", [1, 64, 130])
@pytest.mark.parametrize(("precision", "bound"), [("BF16", 0.3), ("FP32", 1e-4)])
def test_dense(isa, outputs, precision, bound):
    from rapidembed_native.packing import address

    random = np.random.default_rng(outputs)
    x, weight = random.normal(size=(101, 128)).astype(np.float32), random.normal(size=(outputs, 128)).astype(np.float32)
    bias = random.normal(size=outputs).astype(np.float32)
    matrix = native.pack([native.Part(weight, bias)], native.Precision[precision])
    out = np.empty((101, outputs), np.float32)
    status = native.load().rn_dense(isa, ctypes.byref(matrix.struct()), 3, None, address(x), 101, address(out), None)
    expected = np.maximum(x @ weight.T + bias, 0)
    assert status == 0
    assert np.abs(out - expected).max() < bound
    assert cosines(out.reshape(1, -1), expected.reshape(1, -1)).min() > 0.9999


@pytest.mark.skipif(not native.has_isa(native.Isa.AVX512_BF16), reason="this processor lacks AVX-512 BF16")
def test_the_roof_is_measured():
    bytes_, halves, floats = (native.roof(native.Isa.AVX512_BF16, precision) for precision in native.Precision)
    # One product a cycle, of 128 operations at a few GHz, is what processors do; two would be the most.
    assert 10 < bytes_ < 2000
    assert 5 < halves < 1000
    assert 2 < floats < 500


def test_there_is_no_roof_where_nothing_is_fast():
    assert native.roof(native.Isa.SCALAR, native.Precision.INT8) == 0
