"""Quantized vectors against sentence-transformers' and FAISS's own, and what other programs store of them."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidembed import IntegrityError
from rapidembed.tasks.quantize import cut, restore
from rapidembed.toolkit.vectors import PackedIndex, Ranges, formats, quantize, search

from tests.golden import make_quantized as golden

EXPECTED = json.loads(golden.PATH.read_text(encoding="utf-8"))
CALIBRATION, ROWS = golden.vectors(1), golden.vectors(2, 6) * np.float32(1.3)


@pytest.mark.parametrize("precision", list(EXPECTED["codes"]))
def test_codes_are_those_of_sentence_transformers(precision: str) -> None:
    codes = quantize(ROWS, precision, ranges=Ranges.of(CALIBRATION))
    assert codes.tolist() == EXPECTED["codes"][precision]
    assert codes.dtype == {"binary": "int8", "ubinary": "uint8"}.get(precision, precision)
    assert quantize(ROWS[0], precision, ranges=Ranges.of(CALIBRATION)).tolist() == codes[0].tolist()


def test_what_is_beyond_the_ranges_is_clipped() -> None:
    ranges = Ranges(np.array([-1.0, 0.0], np.float32), np.array([1.0, 0.0], np.float32))
    far = np.array([[-9.0, -9.0], [9.0, 9.0]], np.float32)
    assert quantize(far, "int8", ranges=ranges).tolist() == [[-128, -128], [127, -119]]
    assert quantize(far, "uint8", ranges=ranges).tolist() == [[0, 0], [255, 9]]


@pytest.mark.parametrize("precision", ["int8", "uint8"])
def test_restored_vectors_are_half_a_step_away_at_most(precision: str) -> None:
    ranges = Ranges.of(CALIBRATION)
    back = restore(quantize(CALIBRATION, precision, ranges=ranges), precision, ranges=ranges)
    assert (np.abs(back - CALIBRATION) <= ranges.steps * 0.501).all()
    signs = restore(quantize(CALIBRATION, "binary"), "binary", dimensions=24)
    assert np.array_equal(signs, np.where(CALIBRATION > 0, 1, -1))


def test_ranges_come_back(tmp_path: Path) -> None:
    path, ranges = tmp_path / "r.safetensors", Ranges.of(CALIBRATION)
    ranges.save(path)
    assert np.array_equal(Ranges.load(path).as_array(), ranges.as_array())
    path.write_bytes(b"else")
    with pytest.raises(IntegrityError, match="holds no ranges"):
        Ranges.load(path)
    Ranges(ranges.high, ranges.low).save(path)
    with pytest.raises(IntegrityError, match="holds no ranges"):
        Ranges.load(path)


def test_matryoshka_cut() -> None:
    kept = quantize(ROWS, "float32", dimensions=5)
    np.testing.assert_allclose(kept, ROWS[:, :5] / np.linalg.norm(ROWS[:, :5], axis=1, keepdims=True), rtol=1e-6)
    assert np.array_equal(quantize(ROWS, "ubinary", dimensions=9), np.packbits(ROWS[:, :9] > 0, axis=1))


# Search


def exact(queries: np.ndarray, documents: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    scores = queries @ documents.T
    ids = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return ids, np.take_along_axis(scores, ids, axis=1)


@pytest.fixture(params=[7, 8192])
def rows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_ROWS", request.param)
    monkeypatch.setattr(search, "_QUERIES", request.param // 3)


@pytest.mark.parametrize("precision", ["float32", "int8", "uint8"])
@pytest.mark.usefixtures("rows")
def test_search_is_exact_over_what_is_kept(precision: str) -> None:
    index = PackedIndex.of(CALIBRATION, precision)
    kept = restore(index.codes, precision, ranges=index.ranges)
    ids, scores = index.search(ROWS, k=5)
    wanted_ids, wanted = exact(ROWS, kept, 5)
    assert np.array_equal(ids, wanted_ids)
    np.testing.assert_allclose(scores, wanted, rtol=1e-5)
    assert index.nbytes == CALIBRATION.size * (4 if precision == "float32" else 1)


@pytest.mark.parametrize("precision", ["binary", "ubinary"])
@pytest.mark.usefixtures("rows")
def test_search_over_signs(precision: str) -> None:
    index = PackedIndex.of(CALIBRATION, precision)
    assert index.nbytes * 32 == CALIBRATION.nbytes
    ids, scores = index.search(ROWS, k=3, rescore=20)  # all are candidates
    wanted_ids, wanted = exact(ROWS, np.where(CALIBRATION > 0, np.float32(1), np.float32(-1)), 3)
    assert np.array_equal(ids, wanted_ids)
    np.testing.assert_allclose(scores, wanted, rtol=1e-5)
    nearest, _ = index.search(ROWS, k=4, rescore=1)
    distances = np.array(EXPECTED["faiss"]["distances"])[:, :4]
    bits = search.hamming(np.packbits(ROWS > 0, axis=1), np.packbits(CALIBRATION > 0, axis=1))
    assert np.array_equal(np.sort(np.take_along_axis(bits, nearest, axis=1), axis=1), distances)


def test_originals_decide() -> None:
    for originals in (CALIBRATION, quantize(CALIBRATION, "int8", ranges=Ranges.of(CALIBRATION))):
        index = PackedIndex(
            quantize(CALIBRATION, "ubinary"), "ubinary", 24, ranges=Ranges.of(CALIBRATION), originals=originals
        )
        ids, scores = index.search(ROWS, k=3, rescore=20)
        wanted_ids, wanted = exact(ROWS, CALIBRATION, 3)
        assert np.array_equal(ids[:, 0], wanted_ids[:, 0])
        np.testing.assert_allclose(scores, wanted, atol=0.03)
    assert PackedIndex.of(CALIBRATION, "binary", originals=True).originals.dtype == np.int8


def test_bits_are_counted_without_numpy_2(monkeypatch: pytest.MonkeyPatch) -> None:
    queries, documents = np.packbits(ROWS > 0, axis=1), np.packbits(CALIBRATION > 0, axis=1)
    wanted = ((ROWS > 0)[:, None] != (CALIBRATION > 0)[None]).sum(axis=2)
    assert np.array_equal(search.hamming(queries, documents), wanted)
    monkeypatch.delattr(np, "bitwise_count", raising=False)
    assert np.array_equal(search.hamming(queries, documents), wanted)


def test_recall_holds_on_vectors_with_a_structure() -> None:
    random = np.random.default_rng(0)
    documents = cut((random.normal(size=(2000, 16)) @ random.normal(size=(16, 128))).astype(np.float32), 128)
    queries = cut(documents[:200] + 0.05 * random.normal(size=(200, 128)).astype(np.float32), 128)
    wanted = exact(queries, documents, 10)[0]
    for precision, originals, least in (("int8", False, 0.97), ("ubinary", True, 0.95)):
        found, _ = PackedIndex.of(documents, precision, originals=originals).search(queries, 10)
        shared = np.mean([len(set(a) & set(b)) for a, b in zip(found.tolist(), wanted.tolist(), strict=True)])
        assert shared / 10 > least


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: quantize(ROWS, "int4"), "precision must be one of float32, int8, uint8, binary, ubinary, got 'int4'"),
        (lambda: quantize(ROWS[0], "int8"), "at least two vectors, got 1"),
        (lambda: quantize(ROWS.astype(np.int8), "binary"), "must be floating-point numbers, got int8"),
        (lambda: quantize(ROWS[:, :4], "int8", ranges=Ranges.of(ROWS)), "ranges are of 24 dimensions, .* of 4"),
        (lambda: quantize(ROWS, "int8", dimensions=25), "dimensions must be at most 24, got 25"),
        (lambda: quantize(np.full((2, 3), np.nan), "int8"), "hold NaN or infinity"),
        (lambda: restore(quantize(ROWS, "int8"), "int8"), "give ranges"),
        (lambda: PackedIndex(quantize(ROWS, "int8"), "int8", 24), "give ranges"),
        (lambda: PackedIndex(quantize(ROWS, "ubinary"), "ubinary", 25), r"codes must be \(vectors, 4\) for 25"),
        (lambda: PackedIndex(ROWS, "float32", 24, originals=ROWS[:1]), r"originals must be \(6, 24\)"),
        (lambda: PackedIndex.of(ROWS, "int8").search(ROWS[:, :3]), "dimensions must be at most 3, got 24"),
        (lambda: PackedIndex.of(ROWS, "int8").search(ROWS, k=0), "k must be a positive integer"),
    ],
)
def test_what_does_not_fit_is_named(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


# Formats


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_pgvector_comes_back(numbers: list[float]) -> None:
    vector = np.array(numbers, np.float32)
    assert np.array_equal(formats.from_pgvector(formats.to_pgvector(vector)), vector)
    assert np.array_equal(formats.from_pgvector_binary(formats.to_pgvector_binary(vector)), vector)
    small = np.clip(vector, -100, 100)
    halves = formats.from_pgvector_binary(formats.to_pgvector_binary(small, half=True), half=True)
    assert np.array_equal(halves, small.astype(np.float16).astype(np.float32))


def test_pgvector_s_forms_as_its_manual_and_source_have_them() -> None:
    assert formats.to_pgvector(np.array([1.0, -0.25, 3e-8], np.float32)) == "[1.0,-0.25,3e-08]"
    assert formats.to_pgvector_binary(np.array([1.0, -2.0])) == b"\x00\x02\x00\x00\x3f\x80\x00\x00\xc0\x00\x00\x00"
    assert formats.to_pgvector_binary(np.array([1.0]), half=True) == b"\x00\x01\x00\x00\x3c\x00"
    code = np.packbits([1, 0, 1, 1, 0, 0, 0, 0, 1])
    assert formats.to_pg_bits(code, 9) == "101100001"
    assert formats.to_pg_bits_binary(code, 9) == b"\x00\x00\x00\x09\xb0\x80"
    assert formats.from_pg_bits("101100001").tolist() == code.tolist()
    assert formats.from_pg_bits_binary(b"\x00\x00\x00\x09\xb0\x80")[0].tolist() == code.tolist()
    signed = quantize(ROWS, "binary")[0]
    assert formats.from_pg_bits(formats.to_pg_bits(signed, 24)).tolist() == quantize(ROWS, "ubinary")[0].tolist()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: formats.from_pgvector("1,2"), "Expected a vector such as"),
        (lambda: formats.from_pgvector_binary(b"\x00\x02\x00\x00\x3f"), "2 dimensions, got 5 bytes"),
        (lambda: formats.from_pg_bits("012"), "Expected bits such as"),
        (lambda: formats.from_pg_bits_binary(b"\x00\x00\x00\x09\xb0"), "9 bits, got 5 bytes"),
    ],
)
def test_other_data_is_refused(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_faiss_stores_these_bytes() -> None:
    """FAISS itself wrote the golden indexes; where it is installed, it also reads ours."""
    stored = bytes.fromhex(EXPECTED["faiss"]["binary_index"])
    assert stored.endswith(quantize(CALIBRATION, "ubinary").tobytes())
    codes = quantize(ROWS, "uint8", ranges=Ranges.of(CALIBRATION))
    assert EXPECTED["faiss"]["direct_codes"] == codes.ravel().tolist()


def test_faiss_finds_the_same() -> None:
    faiss = pytest.importorskip("faiss")
    index = faiss.IndexBinaryFlat(24)
    index.add(quantize(CALIBRATION, "ubinary"))
    distances, ids = index.search(quantize(ROWS, "ubinary"), 5)
    bits = search.hamming(quantize(ROWS, "ubinary"), quantize(CALIBRATION, "ubinary"))
    assert np.array_equal(np.take_along_axis(bits, ids.astype(np.int64), axis=1), distances)
    assert np.array_equal(faiss.vector_to_array(index.xb).reshape(-1, 3), quantize(CALIBRATION, "ubinary"))
    signed = faiss.IndexScalarQuantizer(24, faiss.ScalarQuantizer.QT_8bit_direct_signed, faiss.METRIC_L2)
    codes = quantize(CALIBRATION, "int8")
    signed.add(codes.astype(np.float32))
    assert np.array_equal(signed.reconstruct_n(0, len(codes)), codes)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_qdrant_keeps_them() -> None:
    from qdrant_client import QdrantClient, models

    codes = quantize(CALIBRATION, "uint8")
    client = QdrantClient(":memory:")
    params = models.VectorParams(size=24, distance=models.Distance.DOT, datatype=models.Datatype.UINT8)
    client.create_collection("a", vectors_config=params)
    points = [models.PointStruct(id=row, vector=code.tolist()) for row, code in enumerate(codes)]
    client.upsert("a", points)
    kept = client.retrieve("a", list(range(40)), with_vectors=True)
    assert [record.vector for record in kept] == codes.tolist()
    query = quantize(ROWS, "uint8", ranges=Ranges.of(CALIBRATION))[0]
    found = client.query_points("a", query=query.astype(float).tolist(), limit=3).points
    wanted = np.argsort(-(codes.astype(int) @ query.astype(int)), kind="stable")[:3]
    assert [point.id for point in found] == wanted.tolist()
    client.close()
